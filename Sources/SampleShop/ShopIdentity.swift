import Crypto
package import Foundation
import Identity
import TrancheAPI
package import TrancheCore

/// How the shop tells a gate who a buyer is: a JSON Web Token that the shop signs, and a public key that the gate reads.
///
/// A gate that belongs to this shop has `identity.keys: http://127.0.0.1:PORT/keys`, `identity.issuer: sample-shop` and
/// `identity.audience: tranche`.
package struct ShopIdentity: Sendable {
    package static let issuer = "sample-shop"
    package static let audience = "tranche"
    /// The life of a proof: a buyer's page shows it to the gate at once.
    package static let seconds = 600

    private let identity: DevIdentity

    /// - Parameter secret: Whoever knows it can sign in as anybody.
    package init(secret: String) {
        let seed = Array(SHA256.hash(data: Array("sample shop \(secret)".utf8)))
        // A digest of SHA-256 has the bytes of a seed.
        self.identity = DevIdentity(seed: seed, id: Self.issuer)!
    }

    /// The public key, as a set of keys.
    package var keys: Data { self.identity.jwks }

    /// - Throws: ``Problem`` with code `invalid_name`.
    package func signIn(_ name: String, now: Instant) throws -> String {
        guard let buyer = BuyerID(name) else {
            throw Problem(
                status: 400, code: "invalid_name", detail: "\"\(name.prefix(80))\" is not a name: \(BuyerID.rule)")
        }
        return try self.identity.mint(
            GateClaims(buyer: buyer), lifetimeSeconds: Self.seconds, issuer: Self.issuer, audience: Self.audience,
            now: now)
    }
}
