import NIOSSL
import TrancheCore

/// A listener's certificate, and the authority of the certificates that it requires from callers. Each connection begins
/// with the certificate of its moment.
package struct ServerTLS: Sendable {
    private let files: CertificateFiles

    package init(_ files: CertificateFiles) { self.files = files }

    /// The handler of a new connection, and what it will know of the caller.
    func connection() -> (handler: NIOSSLServerHandler, peer: PeerCertificate) {
        let pieces = self.files.current
        return (NIOSSLServerHandler(context: pieces.context), PeerCertificate(domain: pieces.name.domain))
    }
}
