package import Logging
import ServiceLifecycle

/// Reads a process's certificate again when its files change, and tells operators how long it still lasts.
package struct CertificateWatch: Service {
    static let everyMilliseconds = 1_000
    /// Operators hear of a certificate that was not renewed: certificates of 24 h are renewed every few hours.
    static let warningSeconds: Int64 = 7_200

    private let files: CertificateFiles?
    private let telemetry: Telemetry
    private let logger: Logger

    /// - Parameter files: `nil` without TLS: there is nothing to watch.
    package init(_ files: CertificateFiles?, telemetry: Telemetry, logger: Logger) {
        (self.files, self.telemetry, self.logger) = (files, telemetry, logger)
    }

    package func run() async throws {
        guard let files else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            var hasWarned = false
            while !Task.isCancelled {
                self.look(files, &hasWarned)
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }

    private func look(_ files: CertificateFiles, _ hasWarned: inout Bool) {
        switch files.look() {
        case .unchanged: break
        case .replaced:
            self.telemetry.count("tranche_certificate_reloads_total", "New certificates that were taken into use.")
            self.logger.info("new certificate", metadata: ["secondsLeft": "\(files.secondsLeft)"])
        case .refused(let reason):
            self.logger.warning(
                "the new certificate is not used; the old one stays",
                metadata: ["reason": "\(reason)", "secondsLeft": "\(files.secondsLeft)"])
        }
        let left = files.secondsLeft
        self.telemetry.set(
            "tranche_certificate_seconds_left", "Until the certificate in use expires; negative after it.",
            to: Double(left))
        self.telemetry.set(
            "tranche_certificate_refused", "1 while the files on disk cannot be used, and an older certificate is.",
            to: files.refusal == nil ? 0 : 1)
        let isShort = left < Self.warningSeconds
        if isShort, !hasWarned {
            self.logger.warning("the certificate expires soon", metadata: ["secondsLeft": "\(left)"])
        }
        hasWarned = isShort
    }
}
