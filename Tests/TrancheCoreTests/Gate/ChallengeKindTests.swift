import Testing
import TrancheCore

/// What the machine makes of answers of each kind. Uses the lots and callers of ``GateMachineTests``.
@Suite("Kinds of challenges at a gate") struct ChallengeKindTests {
    private typealias Bench = GateMachineTests
    private static let opensAt = GateMachineTests.opensAt

    private static func solution(
        _ kind: ChallengeKind, isRight: Bool = true, readyAfter milliseconds: Int64 = 0
    ) -> GateMachine.Solution {
        GateMachine.Solution(
            kind: kind, nonce: "n", madeAt: Self.opensAt, readyAt: Self.opensAt.advanced(milliseconds: milliseconds),
            expiresAt: Self.opensAt.advanced(milliseconds: 600_000), isRight: isRight)
    }

    private static func lot(_ kinds: Set<ChallengeKind>) -> GateLot {
        GateLot(
            id: LotID(1), sale: "s", policy: .open, phase: .open, opensAt: Self.opensAt,
            closesAt: Self.opensAt.advanced(milliseconds: 600_000), userRate: RateLimit(perMinute: 100, burst: 50)!,
            addressRate: RateLimit(perMinute: 300, burst: 50)!, lotRate: nil, rules: [], wantsChallenge: true,
            kinds: kinds, minimumAnswerMilliseconds: 1_000, tokenMilliseconds: 120_000)
    }

    @Test("a question has other ways beside it, and a sale without a clock has none")
    func offers() {
        #expect(ChallengeOffer.kinds(nil, clockMilliseconds: 8_000) == [])
        #expect(ChallengeOffer.kinds(.work, clockMilliseconds: 8_000) == [.work, .clock])
        #expect(ChallengeOffer.kinds(.question, clockMilliseconds: 8_000) == [.question, .work, .clock])
        #expect(ChallengeOffer.kinds(.question, clockMilliseconds: 0) == [.question, .work])
    }

    @Test("an answer of a kind that the sale does not set is none", arguments: ChallengeKind.allCases)
    func foreignKindsAreRefused(kind: ChallengeKind) {
        var machine = Bench.machine(Self.lot(Set(ChallengeKind.allCases).subtracting([kind])))
        #expect(Bench.refusal(Bench.ask(&machine, solution: Self.solution(kind))) == .challengeRequired)
        machine = Bench.machine(Self.lot([kind]))
        #expect(Bench.refusal(Bench.ask(&machine, solution: Self.solution(kind))) == nil)
    }

    @Test("a clock is not answered before its time; then it counts, and nothing was spent before")
    func clocksWait() throws {
        var machine = Bench.machine(Self.lot([.clock]))
        let clock = Self.solution(.clock, readyAfter: 8_000)
        #expect(
            Bench.refusal(Bench.ask(&machine, at: 7_999, solution: clock)) == .tooEarly(retryAfterMilliseconds: 1))
        #expect(
            Bench.refusal(Bench.ask(&machine, at: -0 + 1, solution: clock))
                == .tooEarly(retryAfterMilliseconds: 7_999))
        let plan = try #require(try Bench.ask(&machine, at: 8_000, solution: clock)?.get())
        #expect(plan.question.marks[1].key == .spent(nonce: "n") && plan.question.marks[1].value == "ann")
        #expect(try machine.grant(plan, GateReply(counters: [0, 0])).get().attempt == 1)
        #expect(
            Bench.refusal(machine.grant(plan, GateReply(counters: [0, 0], earlier: [nil, "eve"]))) == .challengeSpent)
    }

    @Test("a wrong answer spends its challenge: the right one after it counts no more")
    func wrongAnswersSpend() throws {
        var machine = Bench.machine(Self.lot([.question]))
        let wrong = try #require(try Bench.ask(&machine, solution: Self.solution(.question, isRight: false))?.get())
        let mark = wrong.question.marks[1].value
        #expect(BuyerID(mark) == nil, "no buyer has the name of a spoiled challenge")
        #expect(Bench.refusal(machine.grant(wrong, GateReply(counters: [0, 0]))) == .challengeFailed)
        let right = try #require(try Bench.ask(&machine, solution: Self.solution(.question))?.get())
        let reply = GateReply(counters: [0, 0], earlier: [nil, mark])
        #expect(Bench.refusal(machine.grant(right, reply)) == .challengeSpent)
        // A wrong answer after the right one makes no second token either.
        let earlier = GateReply(counters: [0, 0], earlier: [nil, "ann"])
        #expect(Bench.refusal(machine.grant(wrong, earlier)) == .challengeSpent)
        #expect(machine.minted[LotID(1)] == nil)
    }

    @Test(
        "an answer that was too fast is too fast the second time as well", arguments: [ChallengeKind.work, .question])
    func fastAnswersStayFast(kind: ChallengeKind) throws {
        var machine = Bench.machine(Self.lot([kind]))
        let fast = try #require(try Bench.ask(&machine, at: 999, solution: Self.solution(kind))?.get())
        #expect(Bench.refusal(machine.grant(fast, GateReply(counters: [0, 0]))) == .tooFast(level: 1))
        let again = try #require(try Bench.ask(&machine, at: 2_000, solution: Self.solution(kind))?.get())
        let reply = GateReply(counters: [1, 0], earlier: [nil, fast.question.marks[1].value])
        #expect(Bench.refusal(machine.grant(again, reply)) == .challengeSpent)
    }

    @Test("answers to questions have a limit of their own, here and in the Redis of the gates; work has none")
    func answersAreLimited() throws {
        var machine = Bench.machine(Self.lot([.question, .work]))
        let wrong = Self.solution(.question, isRight: false)
        let plan = try #require(try Bench.ask(&machine, solution: wrong)?.get())
        #expect(plan.question.limits.last?.key == .answers(BuyerID("ann")!))
        for _ in 1..<GateMachine.answerRate.burst {
            #expect(Bench.refusal(Bench.ask(&machine, solution: wrong)) == nil)
        }
        guard case .rateLimited(let wait) = Bench.refusal(Bench.ask(&machine, solution: Self.solution(.question)))
        else {
            Issue.record("more answers than the burst were let through")
            return
        }
        #expect(wait > 1_000)
        let work = try #require(try Bench.ask(&machine, solution: Self.solution(.work))?.get())
        #expect(!work.question.limits.map(\.key).contains(.answers(BuyerID("ann")!)))
    }

    @Test("a captcha provider is asked as often as a question may be answered")
    func providerCallsAreLimited() {
        var machine = Bench.machine(Self.lot([.question]))
        let now = Self.opensAt.advanced(milliseconds: 5_000)
        func ask(_ lot: LotID) -> GateRefusal?? {
            machine.judgeProviderAnswer(Bench.ann, lot, keys: (1, 2), now: now, steady: now, draw: 7)
        }
        for _ in 0..<GateMachine.answerRate.burst { #expect(ask(LotID(1)) == .some(nil)) }
        guard case .some(.some(.rateLimited)) = ask(LotID(1)) else {
            Issue.record("more calls than the burst were let through")
            return
        }
        #expect(ask(LotID(9)) == nil, "an unknown lot")
    }

    @Test("one session of a buyer may have a lower limit, and another session of the buyer is free")
    func sessionsAreLimited() throws {
        let lot = GateLot(
            id: LotID(1), sale: "s", policy: .open, phase: .open, opensAt: Self.opensAt,
            closesAt: Self.opensAt.advanced(milliseconds: 600_000), userRate: RateLimit(perMinute: 100, burst: 50)!,
            addressRate: RateLimit(perMinute: 300, burst: 50)!, sessionRate: RateLimit(perMinute: 10, burst: 2)!,
            lotRate: nil, rules: [], wantsChallenge: false, minimumAnswerMilliseconds: 1_000,
            tokenMilliseconds: 120_000)
        var machine = Bench.machine(lot)
        let now = Self.opensAt.advanced(milliseconds: 5_000)
        func ask(_ session: UInt64?) -> Result<GateMachine.TokenPlan, GateRefusal>? {
            let caller = GateMachine.Caller(
                claims: Bench.ann.claims, address: Bench.ann.address, session: session)
            return machine.judgeToken(
                caller, LotID(1), rank: nil, solution: nil, keys: (1, 2), now: now, steady: now, draw: 7)
        }
        let plan = try #require(try ask(5)?.get())
        #expect(plan.question.limits.last?.key == .session(5))
        #expect(Bench.refusal(ask(5)) == nil)
        #expect(Bench.refusal(ask(5))?.code == "session_limited")
        #expect(Bench.refusal(ask(6)) == nil && Bench.refusal(ask(nil)) == nil)
    }
}
