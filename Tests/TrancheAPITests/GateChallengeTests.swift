import Testing
import TrancheAPI
import TrancheCore

@Suite("Challenges") struct GateChallengeTests {
    static let session: UInt64 = 0x0123_4567_89ab_cdef
    /// Algorithm, cost, attempt and key.
    static let vectors: [(String, Int, Int64, String)] = [
        ("PBKDF2/SHA-256", 1, 0, "2fbb60718af05ca5b0ec38d66a02dd5c3512de47c25148cf0dd1899271ed32a0"),
        ("PBKDF2/SHA-256", 100, 7, "640750f0683d7b305df5c25e2575cc0791c3431de58a989cd487fe0d2b5552a8"),
        ("SHA-256", 1, 258, "1e7c3eb52ae43db7e2b46653006edadfb9cf78c8af8470e56b7af83ff44de9ee"),
        ("SHA-256", 5, 3, "160abdda7e6af32cee5fa665580b674925f612c661142d877cfe8d1221ab9967"),
    ]
    let codec = ChallengeCodec(GateSample.keys)

    private func challenge(
        _ work: ChallengeWork = ChallengeWork(cost: 1), seed: UInt64 = 1, lifetime: Int = 600
    ) -> Challenge {
        var random = TestRandom(seed)
        return self.codec.make(
            session: Self.session, lot: LotID(7), work: work, lifetimeSeconds: lifetime, now: GateSample.now,
            using: &random)
    }

    private func check(
        _ answer: WorkAnswer, session: UInt64 = GateChallengeTests.session, lot: UInt32 = 7,
        now: Instant = GateSample.now
    ) throws(ChallengeError) -> SolvedChallenge {
        try self.codec.check(answer, session: session, lot: LotID(lot), now: now)
    }

    @Test("a solved challenge counts, with the time when it was made", arguments: ChallengeWork.Algorithm.allCases)
    func solvedChallengeCounts(algorithm: ChallengeWork.Algorithm) throws {
        let challenge = self.challenge(ChallengeWork(cost: 3, level: 1, algorithm: algorithm))
        let answer = try #require(ChallengeSolver.solve(challenge))
        let attempts = ChallengeWork(cost: 3, level: 1).attempts
        #expect(attempts.contains(UInt32(answer.solution.counter)))
        let solved = try self.check(answer)
        #expect(solved.madeAt == GateSample.now && solved.level == 1 && solved.nonce == challenge.parameters.nonce)
        #expect(solved.expiresAt == Instant(milliseconds: 1_732_600_600_000))
    }

    @Test("the keys are those of other programs") func keysAreTheUsualOnes() throws {
        // Computed by another program: PBKDF2-HMAC-SHA256 and repeated SHA-256.
        for (algorithm, cost, attempt, key) in Self.vectors {
            let parameters = #"""
                {"algorithm":"\#(algorithm)","cost":\#(cost),"data":{"at":0,"level":0,"lot":1,"session":""},
                "expiresAt":1,"keyLength":32,"keyPrefix":"\#(key.prefix(32))","keySignature":"",
                "nonce":"000102030405060708090a0b0c0d0e0f","salt":"101112131415161718191a1b1c1d1e1f"}
                """#
            let text = #"{"parameters":\#(parameters),"signature":""}"#
            let answer = try #require(ChallengeSolver.solve(JSON.decode(Challenge.self, from: text.utf8), limit: 300))
            #expect(answer.solution.counter == attempt && answer.solution.derivedKey == key)
        }
    }

    @Test("the signature covers the canonical JSON of the parameters") func signatureCoversCanonicalJSON() throws {
        let challenge = self.challenge()
        var bytes: [UInt8] = []
        challenge.write(into: &bytes)
        // The encoder sorts the names, too.
        #expect(bytes == JSON.encode(challenge))
        #expect(try JSON.decode(Challenge.self, from: bytes) == challenge)
    }

    @Test("a change of any field is detected") func changedFieldIsNoticed() throws {
        let answer = try #require(ChallengeSolver.solve(self.challenge()))
        let text = String(decoding: JSON.encode(answer), as: UTF8.self)
        let nonce = answer.challenge.parameters.nonce
        for (old, new) in [
            ("PBKDF2/SHA-256", "SHA-256"), (#""cost":1"#, #""cost":2"#), (#""level":0"#, #""level":1"#),
            (#""lot":7"#, #""lot":8"#), ("\"at\":1", "\"at\":2"), (#""expiresAt":1"#, #""expiresAt":2"#),
            (#""keyLength":32"#, #""keyLength":16"#), (nonce, String(nonce.reversed())),
            ("0123456789abcdef", "1123456789abcdef"), ("\"keyPrefix\":\"", "\"keyPrefix\":\"0"),
            ("\"keySignature\":\"", "\"keySignature\":\"0"), ("\"salt\":\"", "\"salt\":\"0"),
            ("\"signature\":\"", "\"signature\":\"0"),
        ] {
            let changed = text.replacing(old, with: new)
            #expect(changed != text, "\(old)")
            let forged = try JSON.decode(WorkAnswer.self, from: changed.utf8)
            #expect(throws: ChallengeError.forged, "\(old)") { _ = try self.check(forged) }
        }
    }

    @Test("a change of any digit of the signature is detected") func changedSignatureIsNoticed() throws {
        let answer = try #require(ChallengeSolver.solve(self.challenge()))
        let digits = Array(answer.challenge.signature)
        for place in digits.indices {
            var changed = digits
            changed[place] = changed[place] == "0" ? "1" : "0"
            let text = String(decoding: JSON.encode(answer), as: UTF8.self)
                .replacing(answer.challenge.signature, with: String(changed))
            let forged = try JSON.decode(WorkAnswer.self, from: text.utf8)
            #expect(throws: ChallengeError.forged) { _ = try self.check(forged) }
        }
    }

    @Test("a wrong key is no solution, whatever the counter says") func wrongKeyIsNoSolution() throws {
        let answer = try #require(ChallengeSolver.solve(self.challenge()))
        let key = answer.solution.derivedKey
        let wrong = [
            "", String(key.dropLast(2)), key + "00", String(repeating: "0", count: 64), String(key.reversed()),
            // The prefix is public, and the rest is guessed.
            answer.challenge.parameters.keyPrefix + String(repeating: "0", count: 32),
            answer.challenge.parameters.keySignature,
        ]
        for key in wrong {
            let guess = WorkAnswer(
                challenge: answer.challenge, solution: .init(counter: answer.solution.counter, derivedKey: key))
            #expect(throws: ChallengeError.unsolved, "\(key)") { _ = try self.check(guess) }
        }
    }

    @Test("a challenge counts for its session and its lot, until its end") func challengeIsBound() throws {
        let answer = try #require(ChallengeSolver.solve(self.challenge(lifetime: 10)))
        #expect(throws: ChallengeError.wrongSession) { _ = try self.check(answer, session: Self.session + 1) }
        #expect(throws: ChallengeError.wrongLot(LotID(7), expected: LotID(8))) { _ = try self.check(answer, lot: 8) }
        let end = Instant(milliseconds: 1_732_600_010_000)
        _ = try self.check(answer, now: Instant(microseconds: end.microseconds - 1))
        #expect(throws: ChallengeError.expired(at: end)) { _ = try self.check(answer, now: end) }
    }

    @Test("parts of two challenges do not make a third one") func splicedChallengeIsNoticed() throws {
        let one = try #require(ChallengeSolver.solve(self.challenge(seed: 1)))
        let two = try #require(ChallengeSolver.solve(self.challenge(seed: 2)))
        #expect(throws: ChallengeError.unsolved) {
            _ = try self.check(WorkAnswer(challenge: one.challenge, solution: two.solution))
        }
        let text = String(decoding: JSON.encode(one), as: UTF8.self)
        for (old, new) in [
            (one.challenge.signature, two.challenge.signature),
            (one.challenge.parameters.keySignature, two.challenge.parameters.keySignature),
            (one.challenge.parameters.nonce, two.challenge.parameters.nonce),
        ] {
            let spliced = try JSON.decode(WorkAnswer.self, from: text.replacing(old, with: new).utf8)
            #expect(throws: ChallengeError.forged) { _ = try self.check(spliced) }
        }
        #expect(throws: ChallengeError.forged) {
            _ = try ChallengeCodec(GateSample.otherKeys).check(
                one, session: Self.session, lot: LotID(7), now: GateSample.now)
        }
    }

    @Test("work has limits, and a level doubles it") func workIsLimited() {
        #expect(ChallengeWork(cost: 0).cost == 1 && ChallengeWork(cost: .max).cost == 10_000)
        #expect(ChallengeWork(level: -1).level == 0 && ChallengeWork(level: .max).level == 5)
        #expect(ChallengeWork(level: 0).attempts == 1_000..<2_000 && ChallengeWork(level: 2).attempts == 4_000..<8_000)
        var random = TestRandom(1)
        for (asked, given) in [(0, 10), (10, 10), (3_600, 3_600), (Int.max, 3_600)] {
            let challenge = self.codec.make(
                session: 1, lot: LotID(1), work: ChallengeWork(cost: 1), lifetimeSeconds: asked, now: GateSample.now,
                using: &random)
            #expect(challenge.parameters.expiresAt == 1_732_600_000 + Int64(given))
        }
    }

    @Test("the solver gives up at its limit, and at work that it does not know") func solverGivesUp() throws {
        let challenge = self.challenge()
        #expect(ChallengeSolver.solve(challenge, limit: 1_000) == nil)
        let text = String(decoding: JSON.encode(challenge), as: UTF8.self)
        for (old, new) in [
            ("PBKDF2/SHA-256", "ARGON2ID"), (#""cost":1,"#, #""cost":100000,"#),
            (#""keyLength":32"#, #""keyLength":99"#),
        ] {
            let unknown = try JSON.decode(Challenge.self, from: text.replacing(old, with: new).utf8)
            #expect(unknown != challenge && ChallengeSolver.solve(unknown) == nil)
        }
    }
}
