import Crypto
import Foundation
import SwiftASN1
import Terminal
import TrancheCore
import X509

/// A small authority for the certificates of one installation: a folder with `ca.pem` and `ca.key`.
///
/// It is for those who have no authority yet. Any other one will do, if it writes the same names.
struct CertificateAuthority {
    static let years = 5.0
    /// Clocks of other machines may be behind by this.
    static let earlySeconds = 300.0
    private static let files = (certificate: "ca.pem", key: "ca.key")

    let domain: String
    /// PEM, for the other end of each connection.
    let text: String
    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// Makes a new authority. Its certificate names the domain as a URI, without a path (SPIFFE's X.509-SVID, section 3).
    static func create(_ folder: String, domain: String, force: Bool, now: Date = Date()) throws {
        guard ProcessName.isDomain(domain) else {
            throw CommandError("--domain: \(ProcessNameError.badDomain(domain))")
        }
        let key = P256.Signing.PrivateKey()
        let own = Certificate.PrivateKey(key)
        let name = try DistinguishedName { CommonName("Tranche authority of \(domain)") }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: own.publicKey,
            notValidBefore: now.addingTimeInterval(-Self.earlySeconds),
            notValidAfter: now.addingTimeInterval(Self.years * 365 * 86_400), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: own.publicKey)
                SubjectAlternativeNames([.uniformResourceIdentifier("\(ProcessName.scheme)\(domain)")])
            }, issuerPrivateKey: own)
        let texts = KeptFiles(folder: folder)
        try texts.put(
            [
                (Self.files.key, key.pemRepresentation + "\n", true),
                (Self.files.certificate, try certificate.serializeAsPEM().pemString + "\n", false),
            ], force: force)
    }

    /// Reads the authority of a folder.
    init(folder: String) throws {
        func read(_ name: String) throws -> String {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
                throw CommandError("\(folder)/\(name) cannot be read: `tranche ca init \(folder) --domain D` makes one")
            }
            return String(decoding: data, as: UTF8.self)
        }
        func use<Value>(_ name: String, _ body: (String) throws -> Value) throws -> Value {
            let text = try read(name)
            do { return try body(text) } catch { throw CommandError("\(folder)/\(name) cannot be used: \(error)") }
        }
        self.text = try read(Self.files.certificate)
        self.certificate = try use(Self.files.certificate) { try Certificate(pemEncoded: $0) }
        self.key = try use(Self.files.key) { try Certificate.PrivateKey(pemEncoded: $0) }
        guard self.key.publicKey == self.certificate.publicKey else {
            throw CommandError("\(folder): \(Self.files.key) is not the key of \(Self.files.certificate)")
        }
        let names = try self.certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()
        let domains = names.compactMap { name -> String? in
            guard case .uniformResourceIdentifier(let uri) = name, uri.hasPrefix(ProcessName.scheme) else { return nil }
            return String(uri.dropFirst(ProcessName.scheme.count))
        }
        guard domains.count == 1, ProcessName.isDomain(domains[0]) else {
            throw CommandError(
                "\(folder)/\(Self.files.certificate) names no domain: it was not made by `tranche ca init`")
        }
        self.domain = domains[0]
    }

    /// Makes a key and its certificate.
    ///
    /// - Parameter lifetime: In seconds; negative for a certificate that has expired already.
    func issue(_ name: ProcessName, hosts: [CertificateHost], lifetime: TimeInterval, now: Date = Date()) throws
        -> (certificate: String, key: String)
    {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let end = min(now.addingTimeInterval(lifetime), self.certificate.notValidAfter)
        let keyIdentifier = SubjectKeyIdentifier(hash: self.certificate.publicKey).keyIdentifier
        let names: [GeneralName] = [.uniformResourceIdentifier("\(name)")] + hosts.map(\.generalName)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: min(now, end).addingTimeInterval(-Self.earlySeconds), notValidAfter: end,
            issuer: self.certificate.subject,
            subject: try DistinguishedName { CommonName("\(name.role.rawValue) \(name.name.prefix(40))") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage(name.role.isServer ? [.serverAuth, .clientAuth] : [.clientAuth])
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(keyIdentifier: keyIdentifier)
                SubjectAlternativeNames(names)
            }, issuerPrivateKey: self.key)
        return (try certificate.serializeAsPEM().pemString + "\n", key.pemRepresentation + "\n")
    }

    /// Issues a certificate into a folder: `cert.pem`, `key.pem`, and the authority's `ca.pem`.
    func issue(
        _ name: ProcessName, hosts: [CertificateHost], lifetime: TimeInterval, to folder: String, force: Bool
    ) throws {
        let made = try self.issue(name, hosts: hosts, lifetime: lifetime)
        try KeptFiles(folder: folder).put(
            [("key.pem", made.key, true), ("cert.pem", made.certificate, false), ("ca.pem", self.text, false)],
            force: force)
    }
}
