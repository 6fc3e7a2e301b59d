import Crypto
package import Foundation
import TrancheAPI
package import TrancheCore

/// Makes proofs of identity as a shop does: for development, demos and tests. They are verified like a shop's.
package struct DevIdentity: Sendable {
    package static let issuer = "tranche-dev"
    package static let audience = "tranche"
    package static let seedBytes = 32

    private let key: Curve25519.Signing.PrivateKey
    private let id: String

    /// - Parameter seed: ``seedBytes`` bytes. The same seed gives the same key, so several gates agree.
    /// - Returns: `nil` for another number of bytes.
    package init?(seed: [UInt8], id: String = "dev") {
        guard seed.count == Self.seedBytes, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            return nil
        }
        (self.key, self.id) = (key, id)
    }

    /// The identity of an installation without a shop: all its gates derive the same key from their secret.
    package init(gateKey: String) {
        self.init(seed: Array(SHA256.hash(data: Array("tranche dev identity \(gateKey)".utf8))))!
    }

    /// The public key, as a set (RFC 7517, RFC 8037).
    package var jwks: Data {
        let x = Base64URL.encode(Array(self.key.publicKey.rawRepresentation))
        let key = KeySet.Key(kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: self.id, x: x)
        return Data(JSON.encode(KeySet(keys: [key])))
    }

    /// - Parameters:
    ///   - issuer: Another one than the usual one, for tests.
    ///   - audience: The same.
    package func mint(
        _ claims: GateClaims, lifetimeSeconds: Int = 3_600, issuer: String = DevIdentity.issuer,
        audience: String = DevIdentity.audience,
        now: Instant
    ) throws -> String {
        let seconds = now.milliseconds / 1_000
        let minted = MintedClaims(
            sub: claims.buyer.rawValue, iss: issuer, aud: audience, exp: seconds + Int64(lifetimeSeconds), nbf: seconds,
            level: claims.level, isMember: claims.isMember,
            created: claims.accountCreatedAt.map { $0.milliseconds / 1_000 }, region: claims.region)
        return try self.sign(header: JSON.encode(MintedHeader(alg: "EdDSA", kid: self.id)), claims: JSON.encode(minted))
    }

    package func sign(header: [UInt8], claims: [UInt8]) throws -> String {
        let signed = "\(Base64URL.encode(header)).\(Base64URL.encode(claims))"
        return "\(signed).\(Base64URL.encode(Array(try self.key.signature(for: Array(signed.utf8)))))"
    }
}

private struct KeySet: Encodable {
    struct Key: Encodable { let kty, crv, alg, use, kid, x: String }
    let keys: [Key]
}

private struct MintedHeader: Encodable {
    let alg: String
    let kid: String
    let typ = "JWT"
}

private struct MintedClaims: Encodable {
    private enum CodingKeys: String, CodingKey {
        case sub, iss, aud, exp, nbf
        case level = "tranche_level"
        case isMember = "tranche_member"
        case created = "tranche_created"
        case region = "tranche_region"
    }
    let sub: String
    let iss: String
    let aud: String
    let exp: Int64
    let nbf: Int64
    let level: Int
    let isMember: Bool
    let created: Int64?
    let region: String?
}
