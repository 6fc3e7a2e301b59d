package import CurlClient
package import Logging
package import TrancheCore

/// How the internal connections of a process are encrypted.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `tls.certificate`, `tls.key` | PEM files of this process's certificate, as a server and as a client, with one name `spiffe://DOMAIN/ROLE/NAME` | none |
/// | `tls.authority` | PEM file of the authority that has signed the certificates of all processes | none |
/// | `tls.elsewhere` | `true`: a VPN or a mesh encrypts the connections that leave this machine | false |
///
/// A process whose internal addresses leave this machine does not start without the certificates or `tls.elsewhere`.
package struct TransportConfiguration: Sendable {
    package struct Files: Hashable, Sendable {
        package let certificate: String
        package let key: String
        package let authority: String

        package init(certificate: String, key: String, authority: String) {
            (self.certificate, self.key, self.authority) = (certificate, key, authority)
        }
    }

    /// `nil`: no TLS.
    package let files: Files?
    package let isElsewhere: Bool
    /// What the files hold; `nil`: no TLS.
    package let certificates: CertificateFiles?

    /// - Parameters:
    ///   - role: The role of this process, which its certificate must name.
    ///   - name: Its name; `nil` if any will do.
    package init(_ values: DaemonConfiguration, role: ProcessName.Role, name: String? = nil) throws(StartError) {
        self.isElsewhere = try values.flag("tls.elsewhere")
        let paths = ["tls.certificate", "tls.key", "tls.authority"].map { ($0, values.string($0, default: "")) }
        if paths.allSatisfy({ $0.1.isEmpty }) {
            self.files = nil
            self.certificates = nil
        } else {
            if let missing = paths.first(where: { $0.1.isEmpty }) {
                throw StartError("\(missing.0) is missing: TLS needs tls.certificate, tls.key and tls.authority")
            }
            let files = Files(certificate: paths[0].1, key: paths[1].1, authority: paths[2].1)
            let certificates = try CertificateFiles(files)
            let own = certificates.current.name
            guard own.role == role, name == nil || own.name == name else {
                let wanted = "\(ProcessName.scheme)\(own.domain)/\(role.rawValue)/\(name ?? "NAME")"
                throw StartError("\(files.certificate) names \(own), but this process is \(wanted)")
            }
            self.files = files
            self.certificates = certificates
        }
    }

    /// The certificates of a listener; `nil` without TLS.
    package var server: ServerTLS? { self.certificates.map { ServerTLS($0) } }

    /// The certificates of outgoing calls; `nil` without TLS.
    package var client: ClientTLS? {
        guard let files, let certificates else { return nil }
        return ClientTLS(
            certificate: files.certificate, key: files.key, authority: files.authority, isRequired: true,
            fresh: {
                let pieces = certificates.current
                return ClientTLS.Pieces(
                    certificate: pieces.certificate, key: pieces.key, authority: pieces.authority)
            })
    }

    /// The service that keeps the certificate fresh.
    package func watch(_ telemetry: Telemetry, _ logger: Logger) -> CertificateWatch {
        CertificateWatch(self.certificates, telemetry: telemetry, logger: logger)
    }

    /// Secrets that only prove one process to another. Under TLS its certificate does that, and they may be missing.
    package func secrets(_ values: DaemonConfiguration, _ key: String) throws(StartError) -> LiveSecret {
        if self.certificates != nil, values.optionalSecret(key) == nil { return values.noSecret(key) }
        return try values.liveSecret(key)
    }

    package var scheme: String { self.files == nil ? "http" : "https" }

    /// - Throws: ``StartError`` if secrets would go unencrypted to the address of another process.
    package func check(_ key: String, url: String) throws(StartError) {
        if self.files != nil {
            guard url.hasPrefix("https://") else {
                throw StartError("\(key) is \"\(url)\", but with tls.certificate set it must begin with https://")
            }
            return
        }
        guard url.hasPrefix("http://") else {
            throw StartError(
                "\(key) is \"\(url)\", but must begin with http://, or with https:// if tls.certificate is set")
        }
        let host = url.dropFirst("http://".count).prefix { $0 != "/" }
        // The text before an @ is a user name, and the text after ? or # is not a part of the host: neither may pass as
        // a loopback address.
        guard !host.contains(where: { "@?#\\".contains($0) }) else {
            throw StartError("\(key) is \"\(url)\", but only a host and a port may stand between http:// and the path")
        }
        let name =
            host.hasPrefix("[")
            ? String(host.drop { $0 == "[" }.prefix { $0 != "]" }) : String(host.prefix { $0 != ":" })
        try self.check(key, host: name)
    }

    /// - Throws: ``StartError`` if clients of `host` would send secrets unencrypted.
    package func check(_ key: String, host: String) throws(StartError) {
        guard self.files == nil, !self.isElsewhere, !Self.isLoopback(host) else { return }
        throw StartError(
            "\(key) is \"\(host)\", which leaves this machine in the clear: set tls.certificate, tls.key and tls.authority, "
                + "or tls.elsewhere: true if a VPN or a mesh encrypts it")
    }

    package static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return host == "localhost" || host == "::1" || (isIPv4 && parts[0] == "127")
    }
}
