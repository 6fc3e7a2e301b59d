import Foundation
import JWTKit
import TrancheAPI

/// One key of a JSON Web Key Set, before it is known what it is for.
struct KeyDocument: Decodable {
    private let kty: String
    private let kid: String?
    private let alg: String?
    private let use: String?
    private let crv: String?
    private let x: String?
    private let y: String?
    private let n: String?
    private let e: String?
    /// Of a private or a symmetric key. Nobody publishes these but by mistake.
    private let d: String?
    private let k: String?

    private struct Set: Decodable { let keys: [KeyDocument] }

    static func read(_ jwks: Data) throws -> [KeyDocument] {
        do { return try JSON.decode(Set.self, from: jwks).keys } catch {
            throw IdentityKeyError.malformed(error.detail)
        }
    }

    /// What the key signs with; `nil` if it is for something else.
    func algorithm() throws -> IdentityAlgorithm? {
        guard self.d == nil, self.k == nil else { throw IdentityKeyError.isPrivate(self.kid ?? "") }
        if let use, use != "sig" { return nil }
        let algorithm: IdentityAlgorithm? =
            switch (self.kty, self.crv) {
            case ("OKP", "Ed25519"): .edDSA
            case ("EC", "P-256"): .es256
            case ("RSA", _): .rs256
            default: nil
            }
        guard let algorithm, self.alg == nil || self.alg == algorithm.rawValue else { return nil }
        return algorithm
    }

    func id() throws -> String {
        guard let kid, (1...IdentityKeys.keyIDBytes).contains(kid.utf8.count) else { throw IdentityKeyError.missingID }
        return kid
    }

    func key(id: String, _ algorithm: IdentityAlgorithm) async throws -> any JWTAlgorithm {
        func text(_ name: String, _ value: String?, limit: Int) throws -> String {
            guard let value, (1...limit).contains(value.utf8.count), Base64URL.decode(value.utf8) != nil else {
                throw IdentityKeyError.bad(id, reason: "\"\(name)\" is not 1 to \(limit) characters of base64url")
            }
            return value
        }
        // 32 bytes have 43 characters.
        let (name, keys) = (JWKIdentifier(string: id), JWTKeyCollection())
        let key: JWK =
            switch algorithm {
            case .edDSA:
                .octetKeyPair(.eddsa, identifier: name, x: try text("x", self.x, limit: 43), y: nil, curve: .ed25519)
            case .es256:
                .ecdsa(
                    .es256, identifier: name, x: try text("x", self.x, limit: 43), y: try text("y", self.y, limit: 43),
                    curve: .p256)
            case .rs256:
                .rsa(
                    .rs256, identifier: name, modulus: try text("n", self.n, limit: IdentityKeys.modulusCharacters),
                    exponent: try text("e", self.e, limit: IdentityKeys.exponentCharacters))
            }
        do {
            // A point that is not on the curve, or an RSA key of less than 2,048 bits, is refused here.
            try await keys.add(jwk: key)
            return try await keys.getKey(for: name, alg: algorithm.rawValue)
        } catch { throw IdentityKeyError.bad(id, reason: "\(error)") }
    }
}
