import Crypto
import CryptoExtras
import Foundation
import Identity
import Testing
import TrancheAPI
import TrancheCore

@Suite("Proofs of identity") struct IdentityTests {
    let shop = TestShop()

    private func refusal(_ token: String, now: Instant = TestShop.now) async throws -> IdentityError? {
        let verifier = try await self.shop.verifier()
        do { _ = try verifier.verify(token.utf8, now: now) } catch {
            let problem = Problem(error)
            #expect(problem.status == 401 && problem.code == "bad_identity" && !problem.detail.isEmpty)
            return error
        }
        return nil
    }

    @Test("signatures by all three algorithms are accepted") func algorithmsAreAccepted() async throws {
        let verifier = try await self.shop.verifier()
        for (header, key) in [
            (#"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#, TestShop.Key.ed(self.shop.ed)),
            (#"{"alg":"ES256","kid":"ec"}"#, .ec(self.shop.ec)),
            (#"{"alg":"RS256","kid":"rsa"}"#, .rsa(try TestShop.rsa.get())),
        ] {
            let token = try self.shop.sign(TestShop.claims(), header: header, key)
            let identity = try verifier.verify(token.utf8, now: TestShop.now)
            #expect(identity.claims == GateClaims(buyer: BuyerID("ann")!), "\(header)")
            #expect(identity.expiresAt == Instant(milliseconds: (TestShop.seconds + 60) * 1_000))
        }
    }

    @Test("the claims of the shop are read") func claimsAreRead() async throws {
        let more =
            #","tranche_level":3,"tranche_member":true,"tranche_created":1600000000.5,"tranche_region":"eu""#
            + #","nbf":1732600000,"name":"Ann""#
        let token = try self.shop.token(TestShop.claims(aud: #"["other","tranche"]"#, more: more))
        let identity = try await self.shop.verifier().verify(token.utf8, now: TestShop.now)
        #expect(
            identity.claims
                == GateClaims(
                    buyer: BuyerID("ann")!, level: 3, isMember: true,
                    accountCreatedAt: Instant(milliseconds: 1_600_000_000_000), region: "eu"))
    }

    @Test("a token without a signature is refused") func unsignedTokenIsRefused() async throws {
        for name in ["none", "None", "NONE", "nOnE"] {
            let text =
                "\(TestShop.base64(#"{"alg":"\#(name)","kid":"ed"}"#.utf8)).\(TestShop.base64(TestShop.claims().utf8))."
            #expect(try await self.refusal(text) == .algorithm(name))
        }
        let text = TestShop.base64(#"{"kid":"ed"}"#.utf8) + ".\(TestShop.base64(TestShop.claims().utf8))."
        guard case .malformed = try await self.refusal(text) else {
            Issue.record("no algorithm, and no refusal"); return
        }
        let signed = try self.shop.token()
        let stripped = signed[..<signed.lastIndex(of: ".")!] + "."
        #expect(try await self.refusal(String(stripped)) == .forged)
    }

    @Test("a public key is no shared secret: HMAC is refused, whatever its key is") func publicKeyIsNoSecret()
        async throws
    {
        let primitives = try TestShop.rsa.get().publicKey
        for (kid, secret) in [
            ("rsa", Data(primitives.pemRepresentation.utf8)), ("rsa", primitives.derRepresentation),
            ("ed", self.shop.ed.publicKey.rawRepresentation), ("ec", self.shop.ec.publicKey.rawRepresentation),
        ] {
            for name in ["HS256", "HS384", "HS512"] {
                let header = TestShop.base64(#"{"alg":"\#(name)","kid":"\#(kid)"}"#.utf8)
                let signed = "\(header).\(TestShop.base64(TestShop.claims().utf8))"
                let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
                #expect(try await self.refusal("\(signed).\(TestShop.base64(code))") == .algorithm(name))
            }
        }
    }

    @Test("a key counts for its own algorithm only") func algorithmBelongsToKey() async throws {
        for (name, kid, expected) in [
            ("RS256", "ed", "EdDSA"), ("ES256", "ed", "EdDSA"), ("EdDSA", "ec", "ES256"), ("ES256", "rsa", "RS256"),
        ] {
            let token = try self.shop.token(header: #"{"alg":"\#(name)","kid":"\#(kid)"}"#)
            #expect(try await self.refusal(token) == .algorithmOfKey(name, key: kid, expected: expected))
        }
        for name in ["PS256", "RS512", "ES384", "eddsa", "EdDSA ", ""] {
            let token = try self.shop.token(header: #"{"alg":"\#(name)","kid":"ed"}"#)
            #expect(try await self.refusal(token) == .algorithm(name))
        }
    }

    @Test("an unknown key is refused, and so is no key among several") func unknownKeyIsRefused() async throws {
        #expect(try await self.refusal(self.shop.token(header: #"{"alg":"EdDSA","kid":"x"}"#)) == .unknownKey("x"))
        #expect(try await self.refusal(self.shop.token(header: #"{"alg":"EdDSA"}"#)) == .unknownKey(nil))
        let other = TestShop()
        #expect(try await self.refusal(other.token()) == .forged, "another shop's key of the same name")
        let one = try await IdentityKeys(jwks: Data("{\"keys\":[\(self.shop.edJWK())]}".utf8))
        let verifier = IdentityVerifier(keys: one, issuer: TestShop.issuer, audience: TestShop.audience)
        _ = try verifier.verify(self.shop.token(header: #"{"alg":"EdDSA"}"#).utf8, now: TestShop.now)
    }

    @Test("a header with a critical extension is refused") func criticalExtensionIsRefused() async throws {
        let token = try self.shop.token(header: #"{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}"#)
        #expect(try await self.refusal(token) == .malformed(reason: "its header has \"crit\", which is not supported"))
    }

    @Test("a change of any character is detected") func changedCharacterIsNoticed() async throws {
        let token = Array(try self.shop.token().utf8)
        let verifier = try await self.shop.verifier()
        for place in token.indices {
            var changed = token
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: IdentityError.self) { _ = try verifier.verify(changed, now: TestShop.now) }
            #expect(throws: IdentityError.self) { _ = try verifier.verify(token[..<place], now: TestShop.now) }
        }
    }

    @Test("the claims of one token with the signature of another one are forged") func splicedTokenIsNoticed()
        async throws
    {
        let one = try self.shop.token().split(separator: ".")
        let two = try self.shop.token(TestShop.claims(sub: "\"bob\"")).split(separator: ".")
        #expect(try await self.refusal("\(one[0]).\(two[1]).\(one[2])") == .forged)
        #expect(try await self.refusal("\(one[0]).\(one[1]).\(two[2])") == .forged)
    }

    @Test("another issuer or audience is refused, and so is none") func issuerAndAudienceAreChecked() async throws {
        func refusal(iss: String? = "\"\(TestShop.issuer)\"", aud: String? = "\"tranche\"") async throws
            -> IdentityError?
        {
            try await self.refusal(self.shop.token(TestShop.claims(iss: iss, aud: aud)))
        }
        #expect(try await refusal(iss: "\"evil\"") == .wrongIssuer("evil", expected: TestShop.issuer))
        #expect(try await refusal(iss: nil) == .wrongIssuer(nil, expected: TestShop.issuer))
        #expect(try await refusal(aud: "\"other\"") == .wrongAudience(["other"], expected: "tranche"))
        #expect(try await refusal(aud: #"["a","b"]"#) == .wrongAudience(["a", "b"], expected: "tranche"))
        #expect(try await refusal(aud: "[]") == .wrongAudience([], expected: "tranche"))
        #expect(try await refusal(aud: nil) == .wrongAudience([], expected: "tranche"))
        let many = "[\(Array(repeating: "\"tranche\"", count: 17).joined(separator: ","))]"
        #expect(try await refusal(aud: many) == .badClaim("aud", reason: "it names 17, at most 16"))
    }

    @Test("a token counts from its beginning to its end") func timesAreChecked() async throws {
        let start = TestShop.seconds
        let token = try self.shop.token(TestShop.claims(exp: "\(start + 60)", more: ",\"nbf\":\(start)"))
        func at(_ milliseconds: Int64) -> Instant { TestShop.now.advanced(milliseconds: milliseconds) }
        #expect(try await self.refusal(token, now: at(-1)) == .early(notBefore: start))
        #expect(try await self.refusal(token, now: at(0)) == nil)
        #expect(try await self.refusal(token, now: at(59_999)) == nil)
        #expect(try await self.refusal(token, now: at(60_000)) == .expired(at: start + 60))
        let tolerant = try await self.shop.verifier(toleranceSeconds: 5)
        for offset: Int64 in [-5_000, 64_999] { _ = try tolerant.verify(token.utf8, now: at(offset)) }
        for offset: Int64 in [-5_001, 65_000] {
            #expect(throws: IdentityError.self) { _ = try tolerant.verify(token.utf8, now: at(offset)) }
        }
        #expect(try await self.refusal(self.shop.token(TestShop.claims(exp: nil))) == .missingClaim("exp"))
        for exp in ["-1", "1e300", "253402300800"] {
            guard case .badClaim("exp", _) = try await self.refusal(self.shop.token(TestShop.claims(exp: exp))) else {
                Issue.record("exp \(exp) is accepted")
                continue
            }
        }
    }

    @Test("a buyer must be named, in a form that every store reads the same way") func subjectIsChecked() async throws {
        #expect(try await self.refusal(self.shop.token(TestShop.claims(sub: nil))) == .missingClaim("sub"))
        for sub in [#""""#, #""Zoë""#, #""a\nb""#, "\"\(String(repeating: "x", count: 65))\""] {
            guard case .badClaim("sub", _) = try await self.refusal(self.shop.token(TestShop.claims(sub: sub))) else {
                Issue.record("sub \(sub) is accepted")
                continue
            }
        }
    }

    @Test(
        "claims of a wrong kind are refused",
        arguments: [
            (#","tranche_level":-1"#, true), (#","tranche_level":1000001"#, true), (#","tranche_created":-1"#, true),
            (#","tranche_level":"3""#, false), (#","tranche_level":1.5"#, false), (#","tranche_member":1"#, false),
            (#","nbf":"now""#, false), (#","tranche_region":"""#, true), (#","tranche_region":1"#, false),
            (#","tranche_region":"\#(String(repeating: "r", count: 65))""#, true),
        ])
    func wrongClaimIsRefused(more: String, isClaim: Bool) async throws {
        switch try await self.refusal(self.shop.token(TestShop.claims(more: more))) {
        case .badClaim: #expect(isClaim)
        case .malformed: #expect(!isClaim)
        case let other: Issue.record("\(more): \(String(describing: other))")
        }
    }

    @Test("what is no token is refused") func otherTextIsRefused() async throws {
        #expect(try await self.refusal("") == .missing)
        #expect(try await self.refusal("a.b") == .malformed(reason: "it has 2 parts, not 3"))
        #expect(try await self.refusal("a.b.c.d") == .malformed(reason: "it has 4 parts, not 3"))
        for text in ["..", "!!!.e30.e30", "e30.e30.e30", "W10.e30.e30", "\(String(repeating: "W1", count: 200)).e30."] {
            guard case .malformed = try await self.refusal(text) else { Issue.record("\(text)"); continue }
        }
        let long = try self.shop.token(TestShop.claims(more: ",\"x\":\"\(String(repeating: "x", count: 8_192))\""))
        #expect(try await self.refusal(long) == .tooLong(bytes: long.utf8.count, limit: 8_192))
    }
}
