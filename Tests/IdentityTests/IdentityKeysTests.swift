import Foundation
import Identity
import Testing
import TrancheAPI
import TrancheCore

@Suite("Keys of the shop") struct IdentityKeysTests {
    let shop = TestShop()

    private func refusal(_ jwks: String) async throws -> IdentityKeyError? {
        await #expect(throws: IdentityKeyError.self) { _ = try await IdentityKeys(jwks: Data(jwks.utf8)) }
    }

    @Test("keys are replaced as a whole") func keysAreReplaced() async throws {
        let keys = try await IdentityKeys(jwks: Data(self.shop.jwks().utf8))
        #expect(keys.ids == ["ec", "ed", "rsa"])
        let verifier = IdentityVerifier(keys: keys, issuer: TestShop.issuer, audience: TestShop.audience)
        let (old, next) = (try self.shop.token(), TestShop())
        _ = try verifier.verify(old.utf8, now: TestShop.now)
        // Both keys for a while, and then the new one alone.
        let both = "{\"keys\":[\(self.shop.edJWK()),\(next.edJWK("new"))]}"
        try await keys.replace(jwks: Data(both.utf8))
        let new = try next.token(header: #"{"alg":"EdDSA","kid":"new"}"#)
        for token in [old, new] { _ = try verifier.verify(token.utf8, now: TestShop.now) }
        try await keys.replace(jwks: Data("{\"keys\":[\(next.edJWK("new"))]}".utf8))
        #expect(throws: IdentityError.unknownKey("ed")) { _ = try verifier.verify(old.utf8, now: TestShop.now) }
        _ = try verifier.verify(new.utf8, now: TestShop.now)
    }

    @Test("a faulty set changes nothing") func faultySetChangesNothing() async throws {
        let keys = try await IdentityKeys(jwks: Data(self.shop.jwks().utf8))
        for bad in ["", "{}", "[]", #"{"keys":[]}"#, "{\"keys\":[\(self.shop.edJWK()),{}]}"] {
            await #expect(throws: IdentityKeyError.self, "\(bad)") { try await keys.replace(jwks: Data(bad.utf8)) }
        }
        #expect(keys.ids == ["ec", "ed", "rsa"])
    }

    @Test("keys for other purposes or algorithms are left out") func otherKeysAreLeftOut() async throws {
        let others = [
            #"{"kty":"RSA","kid":"a","use":"enc","n":"AQAB","e":"AQAB"}"#,
            #"{"kty":"OKP","kid":"b","crv":"X25519","x":"AA"}"#,
            #"{"kty":"EC","kid":"c","crv":"P-384","x":"AA","y":"AA"}"#, #"{"kty":"AKP","kid":"d","alg":"ML-DSA-65"}"#,
            #"{"kty":"RSA","kid":"e","alg":"PS256","n":"AQAB","e":"AQAB"}"#,
        ]
        let keys = try await IdentityKeys(
            jwks: Data("{\"keys\":[\((others + [self.shop.edJWK()]).joined(separator: ","))]}".utf8))
        #expect(keys.ids == ["ed"])
        #expect(try await self.refusal("{\"keys\":[\(others.joined(separator: ","))]}") == IdentityKeyError.none)
    }

    @Test("a private key or a shared secret in a set is refused") func privateKeyIsRefused() async throws {
        let ed = self.shop.edJWK().replacing("\"x\"", with: #""d":"AAAA","x""#)
        #expect(try await self.refusal("{\"keys\":[\(ed)]}") == .isPrivate("ed"))
        let secret = #"{"kty":"oct","kid":"hmac","alg":"HS256","k":"AAAA"}"#
        #expect(try await self.refusal("{\"keys\":[\(self.shop.edJWK()),\(secret)]}") == .isPrivate("hmac"))
    }

    @Test("a key that is too weak, too long, or no key at all is refused") func badKeyIsRefused() async throws {
        let ed = self.shop.edJWK()
        let rsa = try TestShop.rsaJWK()
        let modulus = try #require(rsa.firstMatch(of: /"n":"([^"]*)"/)?.output.1)
        for (kid, key) in [
            ("ed", ed.replacing(/"x":"[^"]*"/, with: #""x":"AAAA""#)),
            ("ed", ed.replacing(/"x":"[^"]*"/, with: #""x":"!""#)),
            ("ed", ed.replacing(/"x":"[^"]*",/, with: "")),
            ("ec", self.shop.ecJWK().replacing(/"y":"[^"]*"/, with: "\"y\":\"\(String(repeating: "A", count: 43))\"")),
            ("rsa", rsa.replacing(modulus, with: modulus.prefix(100))),
            ("rsa", rsa.replacing(modulus, with: String(repeating: "x", count: 685))),
            ("rsa", rsa.replacing(/"e":"[^"]*"/, with: #""e":"AAAAAAAAAAAA""#)),
        ] {
            guard case .bad(let name, let reason) = try await self.refusal("{\"keys\":[\(key)]}") else {
                Issue.record("\(key)")
                continue
            }
            #expect(name == kid && !reason.isEmpty)
        }
    }

    @Test("a set has limits") func setHasLimits() async throws {
        let ed = self.shop.edJWK()
        #expect(try await self.refusal("{\"keys\":[\(ed),\(ed)]}") == .duplicate("ed"))
        for kid in ["", String(repeating: "k", count: 129)] {
            #expect(try await self.refusal("{\"keys\":[\(self.shop.edJWK(kid))]}") == .missingID)
        }
        let many = (0..<33).map { self.shop.edJWK("k\($0)") }.joined(separator: ",")
        #expect(try await self.refusal("{\"keys\":[\(many)]}") == .tooMany(33, limit: 32))
        let long = String(repeating: " ", count: 65_537)
        #expect(try await self.refusal(long) == .tooLong(bytes: 65_537, limit: 65_536))
    }

    @Test("a proof for development is verified like a shop's") func devIdentityIsVerified() async throws {
        let seed = Array(UInt8(0)..<32)
        let dev = try #require(DevIdentity(seed: seed))
        let keys = try await IdentityKeys(jwks: dev.jwks)
        let verifier = IdentityVerifier(keys: keys, issuer: DevIdentity.issuer, audience: DevIdentity.audience)
        let claims = GateClaims(
            buyer: BuyerID("ann")!, level: 2, isMember: true, accountCreatedAt: Instant(milliseconds: 5_000),
            region: "eu")
        // Another gate with the same seed makes what this one accepts.
        let token = try #require(DevIdentity(seed: seed)).mint(claims, lifetimeSeconds: 60, now: TestShop.now)
        let identity = try verifier.verify(token.utf8, now: TestShop.now)
        #expect(identity.claims == claims)
        #expect(identity.expiresAt == TestShop.now.advanced(milliseconds: 60_000))
        let other = try #require(DevIdentity(seed: seed.reversed())).mint(claims, now: TestShop.now)
        #expect(throws: IdentityError.forged) { _ = try verifier.verify(other.utf8, now: TestShop.now) }
        let foreign = try dev.mint(claims, issuer: "shop", now: TestShop.now)
        #expect(throws: IdentityError.wrongIssuer("shop", expected: DevIdentity.issuer)) {
            _ = try verifier.verify(foreign.utf8, now: TestShop.now)
        }
        #expect(DevIdentity(seed: Array(seed.dropLast())) == nil && DevIdentity(seed: seed + [0]) == nil)
    }
}
