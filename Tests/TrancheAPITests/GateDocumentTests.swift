import Testing
import TrancheAPI
import TrancheCore

@Suite("Documents of gates") struct GateDocumentTests {
    static func status(isOpen: Bool, name: String = "Summer \"drop\"\n") -> StatusDocument {
        StatusDocument(
            sale: "summer", name: name, phase: isOpen ? .open : .waiting, now: GateSample.now,
            opensAt: Instant(milliseconds: 1_732_600_010_000), closesAt: Instant(milliseconds: 1_732_700_000_000),
            delay: 500, draw: isOpen ? .init(hash: "ab", seed: "cd") : .init(hash: "ab", seed: nil),
            lots: [
                .init(
                    id: LotID(1), name: "seat", band: .many, policy: .lotteryThenFirstCome,
                    threshold: EntryRank(rawValue: 0xff), buyerLimit: 2, entered: isOpen ? 1_200 : nil,
                    admitted: isOpen ? 300 : nil, perMinute: isOpen ? 1_800 : nil,
                    order: isOpen ? "/v1/lots/1/orders" : nil),
                .init(
                    id: LotID(4_294_967_295), name: "Ω", band: .gone, policy: .open, threshold: .everybody,
                    buyerLimit: 1,
                    entered: nil, admitted: nil, perMinute: nil, order: nil),
            ],
            units: isOpen ? ["http://a", "http://b"] : nil, identity: .dev, challenge: .work)
    }

    @Test("a status is written with every name, and read as the same status", arguments: [true, false])
    func statusComesBack(isOpen: Bool) throws {
        let status = Self.status(isOpen: isOpen)
        var bytes: [UInt8] = []
        status.write(into: &bytes)
        #expect(try JSON.decode(StatusDocument.self, from: bytes) == status)
        let text = String(decoding: bytes, as: UTF8.self)
        for name in [
            "sale", "name", "phase", "now", "opensAt", "closesAt", "delay", "draw", "hash", "seed", "lots", "id",
            "band",
            "policy", "threshold", "buyerLimit", "entered", "admitted", "perMinute", "order", "units", "identity",
            "challenge",
        ] { #expect(text.contains("\"\(name)\":"), "\(name)") }
        #expect(
            text.contains(#""threshold":"00000000000000ff""#) && text.contains(#""policy":"lottery-then-first-come""#))
        #expect(text.contains("\"units\":null") != isOpen && text.contains("\"seed\":null") != isOpen)
    }

    @Test("a status of a sale without draws or lots has no seed and no lots") func emptyStatusIsWritten() throws {
        let status = StatusDocument(
            sale: "s", name: "", phase: .ended, now: .distantPast, opensAt: .distantPast, closesAt: .distantFuture,
            delay: 0, draw: nil, lots: [], units: [], identity: .shop, challenge: .none)
        var bytes: [UInt8] = []
        status.write(into: &bytes)
        #expect(try JSON.decode(StatusDocument.self, from: bytes) == status)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#""draw":null"#) && text.contains(#""lots":[]"#) && text.contains(#""units":[]"#))
    }

    @Test("answers are written as the encoder writes them") func answersAreWritten() throws {
        func written(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes: [UInt8] = []
            write(&bytes)
            return bytes
        }
        let session = SessionDocument(session: "abc", buyer: GateSample.buyer, expiresAt: GateSample.now)
        #expect(written { session.write(into: &$0) } == JSON.encode(session))
        let challenge = GateBodyTests.answer.challenge
        let rank = EntryRank(rawValue: 18)
        let entry = EntryDocument(ticket: "t", rank: rank, challenge: challenge, ahead: 5)
        #expect(written { entry.write(into: &$0) } == JSON.encode(entry))
        let short = EntryDocument(ticket: "t", rank: rank, challenge: nil, ahead: nil)
        let text = #"{"ahead":null,"challenge":null,"rank":"0000000000000012","ticket":"t"}"#
        #expect(written { short.write(into: &$0) } == Array(text.utf8))
        #expect(try JSON.decode(EntryDocument.self, from: text.utf8) == short)
        let another = ChallengeDocument(challenge: challenge)
        #expect(written { another.write(into: &$0) } == JSON.encode(another))
        let token = TokenDocument(
            token: "x", order: OrderID(high: 1, low: 2), expiresAt: GateSample.now, unit: "http://a")
        #expect(written { token.write(into: &$0) } == JSON.encode(token))
    }

    @Test("a refusal of a fast answer carries the next challenge") func fastAnswerGetsNextChallenge() throws {
        let (problem, challenge) = (Problem(GateRefusal.tooFast(level: 2)), GateBodyTests.answer.challenge)
        var bytes = Array("x".utf8)
        problem.write(with: .work(challenge), into: &bytes)
        #expect(try JSON.decode(Problem.self, from: bytes.dropFirst()) == problem)
        #expect(try JSON.decode(ChallengeDocument.self, from: bytes.dropFirst()).challenge == challenge)
    }

    @Test("every refusal has its status and its code") func refusalsAreMapped() {
        let at = GateSample.now
        let expected: [(GateRefusal, Int, String, Int?)] = [
            (.badIdentity("x"), 401, "bad_identity", nil), (.badTicket("x"), 401, "bad_ticket", nil),
            (.notAdmitted(retryAfterMilliseconds: 1_001), 403, "not_admitted", 2),
            (.notEligible(rule: "adults"), 403, "not_eligible", nil), (.blocked(until: nil), 403, "blocked", nil),
            (.blocked(until: at), 403, "blocked", nil), (.notStarted(opensAt: at), 403, "not_started", 1),
            (.paused, 503, "paused", 5), (.ended, 403, "ended", nil),
            (.entryClosed(openedAt: at), 403, "entry_closed", nil),
            (.challengeRequired, 409, "challenge_required", nil), (.challengeFailed, 409, "challenge_failed", nil),
            (.challengeSpent, 409, "challenge_spent", nil), (.tooFast(level: 1), 403, "too_fast", nil),
            (.tooEarly(retryAfterMilliseconds: 8_000), 403, "too_early", 8),
            (.soldOut, 410, "sold_out", nil), (.rateLimited(retryAfterMilliseconds: 600), 429, "rate_limited", 1),
            (.sessionLimited(retryAfterMilliseconds: 600), 429, "session_limited", 1),
            (.overloaded(retryAfterMilliseconds: 2_000), 503, "overloaded", 2),
            (.recovering(retryAfterMilliseconds: 1), 503, "recovering", 1),
        ]
        for (refusal, status, code, retryAfter) in expected {
            let problem = Problem(refusal)
            #expect(problem.status == status && problem.code == code && problem.retryAfter == retryAfter, "\(refusal)")
            #expect(!problem.detail.isEmpty)
        }
        #expect(Problem(GateRefusal.notEligible(rule: "adults")).detail.contains("adults"))
        #expect(Problem(session: .forged).code == "bad_identity" && Problem(session: .forged).challenge == "Bearer")
        #expect(Problem(ticket: .wrongBuyer).code == "bad_ticket" && Problem(ChallengeError.unsolved).status == 409)
    }
}
