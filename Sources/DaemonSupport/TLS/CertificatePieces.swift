import Foundation
import NIOSSL
import SwiftASN1
package import TrancheCore
import X509

/// The three files of a process's certificate, read together and checked together.
package struct CertificatePieces: Sendable {
    /// PEM, as in the files.
    package let certificate: [UInt8]
    package let key: [UInt8]
    package let authority: [UInt8]
    package let name: ProcessName
    /// Seconds since 1970.
    package let notAfter: Int64
    let context: NIOSSLContext

    /// - Parameter now: Seconds since 1970.
    /// - Throws: ``StartError`` naming the file that cannot be used, and why.
    package init(_ files: TransportConfiguration.Files, now: Int64) throws(StartError) {
        self.certificate = try Self.read(files.certificate)
        self.key = try Self.read(files.key)
        self.authority = try Self.read(files.authority)
        let (certificate, key, authority) = (self.certificate, self.key, self.authority)
        let chain = try Self.use(files.certificate) { try NIOSSLCertificate.fromPEMBytes(certificate) }
        guard let leaf = chain.first else { throw StartError("\(files.certificate) holds no certificate") }
        let privateKey = try Self.use(files.key) { try NIOSSLPrivateKey(bytes: key, format: .pem) }
        let roots = try Self.use(files.authority) { try NIOSSLCertificate.fromPEMBytes(authority) }
        guard !roots.isEmpty else { throw StartError("\(files.authority) holds no certificate") }
        do { self.name = try ProcessName(uriNames: leaf.uriNames) } catch {
            throw StartError("\(files.certificate) cannot be used: \(error)")
        }
        self.notAfter = Int64(leaf.notValidAfter)
        guard self.notAfter > now else {
            throw StartError("\(files.certificate) cannot be used: it expired \(now - self.notAfter) s ago")
        }
        guard Int64(leaf.notValidBefore) <= now else {
            throw StartError(
                "\(files.certificate) cannot be used: it is valid in \(Int64(leaf.notValidBefore) - now) s; check the clocks"
            )
        }
        let isOurs = try Self.use(files.certificate) { try Self.leads(chain, to: roots) }
        guard isOurs else {
            throw StartError("\(files.certificate) cannot be used: no authority of \(files.authority) has signed it")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv13
        configuration.trustRoots = .certificates(roots)
        // BoringSSL checks signature and validity. The caller is known by the URI name, which is no host name.
        configuration.certificateVerification = .noHostnameVerification
        let settings = configuration
        self.context = try Self.use("\(files.certificate) with \(files.key)") {
            try NIOSSLContext(configuration: settings)
        }
    }

    private static func read(_ path: String) throws(StartError) -> [UInt8] {
        try self.use(path) { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    }

    private static func use<Value>(_ path: String, _ body: () throws -> Value) throws(StartError) -> Value {
        do { return try body() } catch { throw StartError("\(path) cannot be used: \(error)") }
    }

    /// Whether each certificate is signed by the next one, until an authority has signed one. A certificate that no
    /// other process accepts must not take the place of one that works.
    private static func leads(_ chain: [NIOSSLCertificate], to roots: [NIOSSLCertificate]) throws -> Bool {
        let authorities = try roots.map { try Certificate(derEncoded: try $0.toDERBytes()) }
        let links = try chain.map { try Certificate(derEncoded: try $0.toDERBytes()) }
        for (place, one) in links.enumerated() {
            let isSigned = authorities.contains {
                $0.subject == one.issuer && $0.publicKey.isValidSignature(one.signature, for: one)
            }
            if isSigned { return true }
            guard place + 1 < links.count, links[place + 1].publicKey.isValidSignature(one.signature, for: one) else {
                return false
            }
        }
        return false
    }
}

extension NIOSSLCertificate {
    /// The URI names of the subject, among its other names.
    var uriNames: [String] {
        self._subjectAlternativeNames().filter { $0.nameType == .uri }.map {
            String(decoding: $0.contents, as: UTF8.self)
        }
    }
}
