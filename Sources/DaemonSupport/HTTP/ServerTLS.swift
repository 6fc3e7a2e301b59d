import NIOSSL

/// A listener's certificate, and the authority of the certificates that it requires from callers.
package struct ServerTLS: Sendable {
    let context: NIOSSLContext

    /// - Parameters:
    ///   - certificate: PEM file: the certificate, and those that lead from it to the authority.
    ///   - key: PEM file with its private key.
    ///   - authority: PEM file of the authority that has signed the callers' certificates.
    /// - Throws: ``StartError`` naming the file that cannot be used.
    package init(certificate: String, key: String, authority: String) throws(StartError) {
        func read<Value>(_ path: String, _ body: () throws -> Value) throws(StartError) -> Value {
            do { return try body() } catch { throw StartError("\(path) cannot be used: \(error)") }
        }
        let chain = try read(certificate) { try NIOSSLCertificate.fromPEMFile(certificate) }
        guard !chain.isEmpty else { throw StartError("\(certificate) holds no certificate") }
        let privateKey = try read(key) { try NIOSSLPrivateKey(file: key, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        configuration.trustRoots = .certificates(try read(authority) { try NIOSSLCertificate.fromPEMFile(authority) })
        // The name in a caller's certificate is not checked: the credential decides what a caller may do.
        configuration.certificateVerification = .noHostnameVerification
        let settings = configuration
        self.context = try read(certificate) { try NIOSSLContext(configuration: settings) }
    }
}
