import Identity
import SampleShop
import Testing
import TrancheAPI
import TrancheCore

/// What a gate of the shop makes of its proofs.
@Suite("The shop's buyers") struct ShopIdentityTests {
    private static let secret = String(repeating: "s", count: 32)
    private let now = Instant(milliseconds: 1_700_000_000_000)

    private func verifier(_ shop: ShopIdentity) async throws -> IdentityVerifier {
        let keys = IdentityKeys()
        try await keys.replace(jwks: shop.keys)
        return IdentityVerifier(
            keys: keys, issuer: ShopIdentity.issuer, audience: ShopIdentity.audience, toleranceSeconds: 5)
    }

    @Test("a gate that has the shop's keys knows who signed in, until the proof has expired")
    func gateKnowsBuyers() async throws {
        let shop = ShopIdentity(secret: Self.secret)
        let proof = try shop.signIn("ann", now: self.now)
        // Another process with the same secret: the shop was started again.
        let verifier = try await self.verifier(ShopIdentity(secret: Self.secret))
        #expect(try verifier.verify(proof.utf8, now: self.now).claims.buyer == BuyerID("ann"))
        let later = self.now.advanced(milliseconds: Int64(ShopIdentity.seconds + 6) * 1_000)
        #expect(throws: IdentityError.self) { try verifier.verify(proof.utf8, now: later) }
        let other = try await self.verifier(ShopIdentity(secret: String(repeating: "t", count: 32)))
        #expect(throws: IdentityError.self) { try other.verify(proof.utf8, now: self.now) }
    }

    @Test("a name that is no buyer's is refused", arguments: ["", "zoë", String(repeating: "x", count: 65)])
    func badNames(name: String) {
        let problem = #expect(throws: Problem.self) {
            try ShopIdentity(secret: Self.secret).signIn(name, now: self.now)
        }
        #expect(problem?.code == "invalid_name")
    }
}
