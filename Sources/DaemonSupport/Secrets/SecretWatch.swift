import Logging
import ServiceLifecycle

/// Reads a process's secrets again when their files change, and lets them begin and end at their times.
package struct SecretWatch: Service {
    /// A look at a file costs microseconds, and an end should not be late by much.
    static let everyMilliseconds = 250

    private let secrets: [LiveSecret]
    private let telemetry: Telemetry
    private let logger: Logger

    init(_ secrets: [LiveSecret], telemetry: Telemetry, logger: Logger) {
        (self.secrets, self.telemetry, self.logger) = (secrets, telemetry, logger)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                for secret in self.secrets { self.look(secret) }
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }

    private func look(_ secret: LiveSecret) {
        let label = "secret=\"\(secret.variable)\""
        switch secret.look() {
        case .unchanged: break
        case .replaced:
            self.telemetry.count(
                "tranche_secret_reloads_total", "New lists of secrets that were taken into use.", labels: label)
            self.logger.info("new list of secrets", metadata: ["secret": "\(secret.variable)"])
        case .refused(let reason):
            self.logger.warning(
                "the new list of secrets is not used; the old one stays", metadata: ["reason": "\(reason)"])
        }
        self.telemetry.set(
            "tranche_secret_refused", "1 while the file on disk cannot be used, and an older list of secrets is.",
            labels: label, to: secret.refusal == nil ? 0 : 1)
    }
}
