import LoadGenerator
import Testing
import TrancheAPI
import TrancheCore

/// A forgery that a gate takes for genuine would make the crowd's forgers worthless, or their verdict wrong.
@Suite("What forgers send") struct ForgeryTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    let keys = GateKeys(secret: "a secret of the gates, for tests alone")

    private func session(_ buyer: String) -> String {
        SessionCodec(self.keys).seal(
            Session(
                id: 7, claims: GateClaims(buyer: BuyerID(buyer)!, region: "us-east"), issuedAt: Self.now,
                expiresAt: Self.now.advanced(milliseconds: 60_000)))
    }

    private func isGenuine(_ session: String) -> Bool {
        (try? SessionCodec(self.keys).open(session.utf8, now: Self.now)) != nil
    }

    @Test("a session with one bit changed is refused, whichever bit") func flippedBitsAreRefused() throws {
        let session = self.session("ann")
        #expect(self.isGenuine(session))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let forged = try #require(Forgery.flipped(session, using: &random))
            #expect(forged != session && !self.isGenuine(forged), "\(forged)")
        }
    }

    @Test("one buyer's content with another one's code is refused, and a session with its own code is no forgery")
    func splicedTextsAreRefused() throws {
        let (ann, eve) = (self.session("ann"), self.session("eve"))
        let forged = try #require(Forgery.spliced(ann, eve))
        #expect(!self.isGenuine(forged))
        #expect(Forgery.spliced(ann, ann) == nil)
        #expect(Forgery.spliced("AAAA", eve) == nil, "too short for a code")
    }

    @Test("an invented text is refused") func inventedTextsAreRefused() {
        var random = SystemRandomNumberGenerator()
        #expect(!self.isGenuine(Forgery.invented(bytes: 95, using: &random)))
    }

    @Test("answers that nobody worked for are wrong, and a challenge that was signed again is forged")
    func answersAreRefused() throws {
        let codec = ChallengeCodec(self.keys)
        var random = SystemRandomNumberGenerator()
        let challenge = codec.make(
            session: 7, lot: LotID(1), work: ChallengeWork(cost: 1), now: Self.now, using: &random)
        func refusal(_ answer: WorkAnswer) -> ChallengeError? {
            do throws(ChallengeError) {
                _ = try codec.check(answer, session: 7, lot: LotID(1), now: Self.now)
                return nil
            } catch { return error }
        }
        let solved = try #require(ChallengeSolver.solve(challenge))
        #expect(refusal(solved) == nil)
        #expect(refusal(Forgery.guessed(challenge)) == .unsolved)
        let resigned = try #require(Forgery.resigned(challenge))
        #expect(resigned.parameters == challenge.parameters)
        #expect(refusal(WorkAnswer(challenge: resigned, solution: solved.solution)) == .forged)
    }
}
