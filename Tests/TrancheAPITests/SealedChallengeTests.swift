import Crypto
import Testing
import TrancheAPI
import TrancheCore

@Suite("Questions and clocks") struct SealedChallengeTests {
    private static let session: UInt64 = 0x0123_4567_89AB_CDEF
    private static let widget = SealedChallenge.Widget(
        script: "https://captcha.example/api.js", name: "c", siteKey: "k")
    private let codec = SealedChallengeCodec(GateSample.keys)

    private func question(seed: UInt64 = 1, level: Int = 0) -> (challenge: SealedChallenge, answer: String) {
        var (random, same) = (TestRandom(seed), TestRandom(seed))
        let challenge = self.codec.makeQuestion(
            session: Self.session, lot: LotID(7), level: level, now: GateSample.now, using: &random)
        return (challenge, String(ArithmeticQuestion(level: level, using: &same).answer))
    }

    private func clock(seed: UInt64 = 1) -> SealedChallenge {
        var random = TestRandom(seed)
        return self.codec.makeClock(
            session: Self.session, lot: LotID(7), waitMilliseconds: 8_000, now: GateSample.now, using: &random)
    }

    private func provider(seed: UInt64 = 1) -> SealedChallenge {
        var random = TestRandom(seed)
        return self.codec.makeProvider(
            session: Self.session, lot: LotID(7), widget: Self.widget, now: GateSample.now, using: &random)
    }

    private func check(
        _ challenge: String, _ text: String? = nil, session: UInt64 = SealedChallengeTests.session, lot: UInt32 = 7,
        after milliseconds: Int64 = 2_000
    ) throws(ChallengeError) -> AnsweredChallenge {
        try self.codec.check(
            SealedAnswer(challenge: challenge, text: text), session: session, lot: LotID(lot),
            now: GateSample.now.advanced(milliseconds: milliseconds))
    }

    @Test("the right answer of a question is right, however it is typed, and every other one is wrong")
    func answersAreChecked() throws {
        let (challenge, answer) = self.question()
        let right = try self.check(challenge.challenge, answer)
        #expect(right.isRight && right.kind == .question && right.kind.kind == .question)
        #expect(right.madeAt == GateSample.now && right.readyAt == GateSample.now)
        #expect(try self.check(challenge.challenge, " 0\(answer) ").isRight)
        for wrong in [nil, "", "x", "1\(answer)", answer + "0", String(repeating: "1", count: 100)] {
            let checked = try self.check(challenge.challenge, wrong)
            #expect(!checked.isRight && checked.nonce == right.nonce, "\(wrong ?? "nothing")")
        }
        let rights = try (0...300).filter { try self.check(challenge.challenge, String($0)).isRight }
        #expect(rights.map(String.init) == [answer])
    }

    @Test("neither the challenge nor its picture says the answer in plain text")
    func answerIsHidden() throws {
        let (challenge, answer) = self.question()
        let content = try #require(Base64URL.decode(challenge.challenge.utf8))
        // A digest without the key would be found among a thousand.
        let nonce = Array(content[3..<19])
        for guess in 0...300 {
            let digest = Array(SHA256.hash(data: nonce + Array(String(guess).utf8)))
            #expect(!Self.contains(content, digest))
        }
        #expect(challenge.picture?.hasPrefix("data:image/bmp;base64,") == true && !answer.isEmpty)
        #expect(Self.contains(content, Array(content[50..<82])), "the search finds what is there")
    }

    private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }

    @Test("a clock says when it may be answered, and lasts longer than its wait") func clocksHaveTimes() throws {
        let clock = self.clock()
        let checked = try self.check(clock.challenge)
        #expect(checked.kind == .clock && checked.isRight && checked.kind.kind == .clock)
        #expect(checked.readyAt == GateSample.now.advanced(milliseconds: 8_000) && checked.expiresAt > checked.readyAt)
        #expect(clock.readyAt == GateSample.now.milliseconds + 8_000 && clock.picture == nil)
        var random = TestRandom(1)
        let longest = self.codec.makeClock(
            session: 1, lot: LotID(7), waitMilliseconds: .max, now: GateSample.now, using: &random)
        #expect(longest.readyAt == GateSample.now.milliseconds + SealedChallengeCodec.waitLimit)
    }

    @Test("a provider's challenge counts only after a gate has made an answer of it, with the same nonce")
    func providersPass() throws {
        let challenge = self.provider()
        #expect(challenge.widget == Self.widget)
        #expect(throws: ChallengeError.unsolved) { _ = try self.check(challenge.challenge, "1") }
        let now = GateSample.now.advanced(milliseconds: 1)
        let passed = try self.codec.pass(challenge.challenge, session: Self.session, lot: LotID(7), now: now)
        let twice = try self.codec.pass(challenge.challenge, session: Self.session, lot: LotID(7), now: now)
        let checked = try self.check(passed.challenge)
        #expect(checked.isRight && checked.kind == .passed && checked.kind.kind == .question)
        #expect(checked.madeAt == GateSample.now)
        #expect(try self.check(twice.challenge).nonce == checked.nonce, "it is spent once")
    }

    @Test("no other kind passes as a provider's") func otherKindsDoNotPass() throws {
        for challenge in [self.question().challenge, self.clock()] {
            #expect(throws: ChallengeError.wrongKind(challenge.kind, expected: .provider)) {
                _ = try self.codec.pass(challenge.challenge, session: Self.session, lot: LotID(7), now: GateSample.now)
            }
        }
        let passed = try self.codec.pass(
            self.provider().challenge, session: Self.session, lot: LotID(7), now: GateSample.now)
        #expect(throws: ChallengeError.wrongKind(.passed, expected: .provider)) {
            _ = try self.codec.pass(passed.challenge, session: Self.session, lot: LotID(7), now: GateSample.now)
        }
    }

    @Test("a challenge counts for its session and its lot, until its end") func challengesAreBound() throws {
        let (question, answer) = self.question()
        for (challenge, text) in [(question, answer), (self.clock(), nil)] as [(SealedChallenge, String?)] {
            #expect(throws: ChallengeError.wrongSession) {
                _ = try self.check(challenge.challenge, text, session: Self.session + 1)
            }
            #expect(throws: ChallengeError.wrongLot(LotID(7), expected: LotID(8))) {
                _ = try self.check(challenge.challenge, text, lot: 8)
            }
            let end = Instant(microseconds: GateSample.now.microseconds + 600_000_000)
            #expect(try self.check(challenge.challenge, text, after: 599_999).isRight)
            #expect(throws: ChallengeError.expired(at: end)) {
                _ = try self.check(challenge.challenge, text, after: 600_000)
            }
        }
    }

    @Test("every changed byte makes a challenge a forgery, its kind and its times among them")
    func forgeriesAreNoticed() throws {
        for challenge in [self.question().challenge, self.clock(), self.provider()] {
            let bytes = try #require(Base64URL.decode(challenge.challenge.utf8))
            for index in bytes.indices {
                var changed = bytes
                changed[index] ^= 1
                #expect(throws: ChallengeError.forged, "byte \(index)") {
                    _ = try self.check(Base64URL.encode(changed))
                }
            }
            for count in stride(from: 0, to: bytes.count, by: 7) {
                #expect(throws: ChallengeError.forged) { _ = try self.check(Base64URL.encode(Array(bytes[..<count]))) }
            }
        }
        #expect(throws: ChallengeError.forged) { _ = try self.check("") }
        #expect(throws: ChallengeError.forged) { _ = try self.check(String(repeating: "A", count: 10_000)) }
    }

    @Test("a challenge by another key is a forgery; one by an older key of the list still counts")
    func keysAreChanged() throws {
        let (challenge, answer) = self.question()
        let sealed = SealedAnswer(challenge: challenge.challenge, text: answer)
        let now = GateSample.now
        #expect(throws: ChallengeError.forged) {
            _ = try SealedChallengeCodec(GateSample.otherKeys).check(
                sealed, session: Self.session, lot: LotID(7), now: now)
        }
        let both = GateKeys(secrets: ["fedcba9876543210fedcba9876543210", "0123456789abcdef0123456789abcdef"])
        #expect(try SealedChallengeCodec(both).check(sealed, session: Self.session, lot: LotID(7), now: now).isRight)
    }

    @Test("the kind of one challenge with the answer of another one is a forgery") func splicesAreNoticed() throws {
        let (one, answer) = self.question(seed: 1)
        let (two, _) = self.question(seed: 2)
        let (first, second) = (
            try #require(Base64URL.decode(one.challenge.utf8)), try #require(Base64URL.decode(two.challenge.utf8))
        )
        // The signed code of the first answer, in the second challenge.
        let spliced = second[..<55] + first[55..<87] + second[87...]
        #expect(throws: ChallengeError.forged) { _ = try self.check(Base64URL.encode(Array(spliced)), answer) }
        // The kind of a clock, before the rest of a question.
        let clock = try #require(Base64URL.decode(self.clock().challenge.utf8))
        let mixed = [first[0], clock[1]] + first[2...]
        #expect(throws: ChallengeError.forged) { _ = try self.check(Base64URL.encode(mixed)) }
        // A session, which another key of the same secret has signed.
        let session = SessionCodec(GateSample.keys).seal(GateSample.session())
        #expect(throws: ChallengeError.forged) { _ = try self.check(session) }
    }

    @Test("documents are what the JSON decoder reads") func documentsAreRead() throws {
        for challenge in [self.question().challenge, self.clock(), self.provider()] {
            var bytes: [UInt8] = []
            OfferedChallenge.sealed(challenge).writeDocument(into: &bytes)
            #expect(try JSON.decode(SealedChallengeDocument.self, from: bytes).challenge == challenge)
            let body = TokenBody(ticket: "t", answer: SealedAnswer(challenge: challenge.challenge, text: "17"))
            #expect(JSON.encode(body).withUnsafeBytes { TokenBody.plain($0) } == body)
            #expect(try TokenBody.read(JSON.encode(body)) == body)
        }
        #expect(try TokenBody.read(Array(#"{"answer":{"challenge":"x"}}"#.utf8)).answer?.text == nil)
        let both = TokenBody(solution: GateBodyTests.answer, answer: SealedAnswer(challenge: "x"))
        let problem = #expect(throws: Problem.self) { _ = try TokenBody.read(JSON.encode(both)) }
        #expect(problem?.code == "bad_request")
    }

    @Test("a request for a challenge may name its kind") func kindsAreRead() throws {
        func read(_ text: String) throws(Problem) -> ChallengeKind? {
            let bytes = Array(text.utf8)
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(Problem) in try ChallengeBody.read(bytes).kind }
            }
            return try result.get()
        }
        #expect(try read("") == nil && read("{}") == nil && read(#"{"kind":"clock"}"#) == .clock)
        #expect(throws: Problem.self) { _ = try read(#"{"kind":"none"}"#) }
        let long = String(repeating: " ", count: ChallengeBody.byteLimit + 1)
        let problem = #expect(throws: Problem.self) { _ = try read(long) }
        #expect(problem?.code == "too_large")
    }
}
