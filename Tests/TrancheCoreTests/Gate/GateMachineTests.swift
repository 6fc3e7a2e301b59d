import Testing
import TrancheCore

@Suite("The decisions of a gate") struct GateMachineTests {
    static let opensAt = Instant(milliseconds: 1_000_000)
    static let ann = GateMachine.Caller(
        claims: GateClaims(buyer: BuyerID("ann")!), address: NetworkAddress(rawValue: 0xFFFF_C000_0201))

    static func lot(
        _ policy: LinePolicy = .open, phase: GateLot.Phase = .open, rules: [GateRule] = [], wantsChallenge: Bool = false
    ) -> GateLot {
        GateLot(
            id: LotID(1), sale: "s", policy: policy, phase: phase, opensAt: Self.opensAt,
            closesAt: Self.opensAt.advanced(milliseconds: 60_000), userRate: RateLimit(perMinute: 100, burst: 10)!,
            addressRate: RateLimit(perMinute: 300, burst: 20)!, lotRate: nil, rules: rules,
            wantsChallenge: wantsChallenge, minimumAnswerMilliseconds: 1_000, tokenMilliseconds: 120_000)
    }

    static func machine(_ lot: GateLot) -> GateMachine {
        var machine = GateMachine(callers: 100)
        machine.configure([lot])
        return machine
    }

    /// Asks for a token at a moment after the opening, in milliseconds.
    static func ask(
        _ machine: inout GateMachine, at milliseconds: Int64 = 5_000, rank: EntryRank? = nil,
        solution: GateMachine.Solution? = nil
    ) -> Result<GateMachine.TokenPlan, GateRefusal>? {
        let now = Self.opensAt.advanced(milliseconds: milliseconds)
        return machine.judgeToken(
            Self.ann, LotID(1), rank: rank, solution: solution, keys: (1, 2), now: now, steady: now, draw: 7)
    }

    static func refusal<Value>(_ result: Result<Value, GateRefusal>?) -> GateRefusal? {
        if case .failure(let refusal)? = result { refusal } else { nil }
    }

    @Test("no token before the opening, after the end, during a pause, or when nothing is left")
    func phasesCount() {
        var machine = Self.machine(Self.lot())
        #expect(Self.refusal(Self.ask(&machine, at: -1)) == .notStarted(opensAt: Self.opensAt))
        machine.hear(nil, band: .gone, of: LotID(1))
        #expect(Self.refusal(Self.ask(&machine)) == .soldOut)
        machine.hear(nil, band: .few, of: LotID(1))
        #expect(Self.refusal(Self.ask(&machine)) == nil)
        machine.configure([Self.lot(phase: .paused)])
        #expect(Self.refusal(Self.ask(&machine)) == .paused)
        #expect(machine.lots[LotID(1)]?.band == .few, "what the center told stays")
        machine.configure([Self.lot()])
        #expect(Self.refusal(Self.ask(&machine, at: 60_000)) == .ended)
        machine.configure([])
        #expect(Self.ask(&machine) == nil, "an unknown lot has no decision")
    }

    @Test("after a fast answer, easy work does not count any more, and harder work does") func harderWorkCounts() throws
    {
        var machine = Self.machine(Self.lot(wantsChallenge: true))
        let madeAt = Self.opensAt.advanced(milliseconds: 1_000)
        for (level, refusal) in [(0, GateRefusal.tooEasy(level: 1)), (1, nil), (2, nil)] {
            let solution = GateMachine.Solution(
                level: level, nonce: "n\(level)", madeAt: madeAt, expiresAt: madeAt.advanced(milliseconds: 600_000))
            let plan = try #require(try Self.ask(&machine, solution: solution)?.get())
            // One fast answer before this one.
            #expect(Self.refusal(machine.grant(plan, GateReply(counters: [1, 0]))) == refusal)
        }
    }

    @Test("forged tickets use up the limit of their sender") func forgeriesAreLimited() {
        var machine = Self.machine(Self.lot())
        let steady = Self.opensAt
        for _ in 0..<10 {
            #expect(machine.countForgery(Self.ann, LotID(1), keys: (1, 2), steady: steady) == nil)
        }
        guard case .rateLimited = machine.countForgery(Self.ann, LotID(1), keys: (1, 2), steady: steady) else {
            Issue.record("the eleventh forgery in one moment is refused like any other request")
            return
        }
        #expect(Self.refusal(Self.ask(&machine, at: 0))?.code == "rate_limited")
    }

    @Test("an address may ask for so many sessions, and another address is not concerned") func sessionsAreLimited() {
        var machine = GateMachine(callers: 100)
        let refusals = (0..<61).map { _ in machine.judgeSession(address: 7, now: Self.opensAt, steady: Self.opensAt) }
        #expect(refusals.prefix(60).allSatisfy { $0 == nil })
        #expect(refusals.last??.code == "rate_limited")
        #expect(machine.judgeSession(address: 8, now: Self.opensAt, steady: Self.opensAt) == nil)
    }

    @Test("a caller beyond the limit is refused without the Redis of the gates, and another one is not")
    func localLimitCounts() throws {
        var machine = Self.machine(Self.lot())
        for _ in 0..<10 { #expect(Self.refusal(Self.ask(&machine)) == nil) }
        guard case .rateLimited(let wait) = Self.refusal(Self.ask(&machine)) else {
            Issue.record("the eleventh request of a burst of ten was let through")
            return
        }
        #expect(wait > 0)
        let now = Self.opensAt.advanced(milliseconds: 5_000)
        let other = machine.judgeToken(
            Self.ann, LotID(1), rank: nil, solution: nil, keys: (3, 4), now: now, steady: now, draw: 7)
        #expect(Self.refusal(other) == nil)
    }

    @Test("the limit of the Redis that the gates share refuses, and grants nothing")
    func sharedLimitCounts() throws {
        var machine = Self.machine(Self.lot())
        let plan = try #require(try Self.ask(&machine)?.get())
        #expect(plan.question.limits.map(\.key) == [.buyer(BuyerID("ann")!), .address(Self.ann.address.limited)])
        #expect(
            Self.refusal(machine.grant(plan, GateReply(waitMilliseconds: 250)))
                == .rateLimited(retryAfterMilliseconds: 250))
        #expect(machine.minted[LotID(1)] == nil)
        let grant = try machine.grant(plan, GateReply(counters: [0, 0])).get()
        #expect(grant.attempt == 1 && machine.minted[LotID(1)] == 1)
        #expect(try machine.grant(plan, GateReply(counters: [0, 1])).get().attempt == 2)
    }

    @Test("in a line only a ticket up to the threshold passes, and the threshold never falls")
    func thresholdDecides() throws {
        var machine = Self.machine(Self.lot(.firstCome))
        #expect(Self.refusal(Self.ask(&machine))?.code == "bad_ticket")
        let rank = EntryRank(arrivedAt: Self.opensAt)
        #expect(Self.refusal(Self.ask(&machine, rank: rank))?.code == "not_admitted")
        machine.hear(Self.line(upTo: rank), band: .many, of: LotID(1))
        #expect(Self.refusal(Self.ask(&machine, rank: rank)) == nil)
        machine.hear(Self.line(upTo: .nobody), band: .many, of: LotID(1))
        #expect(Self.refusal(Self.ask(&machine, rank: rank)) == nil, "an older answer of the center")
        let later = EntryRank(arrivedAt: Self.opensAt.advanced(milliseconds: 1))
        #expect(Self.refusal(Self.ask(&machine, rank: later))?.code == "not_admitted")
    }

    static func line(upTo rank: EntryRank) -> LineState {
        LineState(threshold: LineThreshold(rank), entered: 10, admitted: 5, perMinute: 60)
    }

    @Test("an entry keeps its first rank, and is counted once")
    func entriesKeepRanks() throws {
        var machine = Self.machine(Self.lot(.lotteryThenFirstCome))
        func plan(at milliseconds: Int64) throws -> GateMachine.EntryPlan {
            let now = Self.opensAt.advanced(milliseconds: milliseconds)
            return try #require(
                try machine.judgeEntry(
                    Self.ann, LotID(1), keys: (1, 2), drawNumber: 1 << 40, now: now, steady: now, draw: 7)?.get())
        }
        let drawn = try plan(at: -1)
        #expect(drawn.rank == EntryRank(draw: 1 << 40))
        #expect(drawn.question.marks.map(\.value) == [drawn.rank.text])
        let first = try machine.enter(drawn, GateReply()).get()
        #expect(first.isNew && first.rank == drawn.rank)
        let late = try plan(at: 1)
        #expect(late.rank.arrivedAt != nil, "who comes after the opening is not drawn")
        let again = try machine.enter(late, GateReply(earlier: [drawn.rank.text])).get()
        #expect(!again.isNew && again.rank == drawn.rank)
        #expect(machine.entries[LotID(1)]?.total == 1)
    }

    @Test("a solution counts once, not faster than a person, and again for the buyer who spent it")
    func solutionsAreSpent() throws {
        var machine = Self.machine(Self.lot(wantsChallenge: true))
        #expect(Self.refusal(Self.ask(&machine, at: 500)) == .challengeRequired)
        let slow = GateMachine.Solution(
            nonce: "n", madeAt: Self.opensAt, expiresAt: Self.opensAt.advanced(milliseconds: 600_000))
        let fast = try #require(try Self.ask(&machine, at: 999, solution: slow)?.get())
        let plan = try #require(try Self.ask(&machine, at: 1_000, solution: slow)?.get())
        #expect(plan.question.marks.map(\.key) == [.issued(LotID(1), BuyerID("ann")!), .spent(nonce: "n")])
        #expect(try machine.grant(plan, GateReply(counters: [0, 0])).get().attempt == 1)
        #expect(try machine.grant(plan, GateReply(counters: [0, 0], earlier: [nil, "ann"])).get().attempt == 1)
        #expect(
            Self.refusal(machine.grant(plan, GateReply(counters: [0, 0], earlier: [nil, "eve"]))) == .challengeSpent)
        #expect(Self.refusal(machine.grant(fast, GateReply(counters: [0, 0]))) == .tooFast(level: 1))
        #expect(Self.refusal(machine.grant(fast, GateReply(counters: [2, 0])))?.code == "blocked")
        #expect(Self.refusal(machine.grant(plan, GateReply(counters: [3, 0])))?.code == "blocked")
    }

    @Test("an answer that was too fast is no better when it is sent again at once") func fastAnswersStayFast() throws {
        var machine = Self.machine(Self.lot(wantsChallenge: true))
        let solution = GateMachine.Solution(
            nonce: "n", madeAt: Self.opensAt, expiresAt: Self.opensAt.advanced(milliseconds: 600_000))
        let first = try #require(try Self.ask(&machine, at: 20, solution: solution)?.get())
        #expect(Self.refusal(machine.grant(first, GateReply(counters: [0, 0]))) == .tooFast(level: 1))
        let again = try #require(try Self.ask(&machine, at: 40, solution: solution)?.get())
        // The first request has marked the answer, and not as one of this buyer.
        let mark = try #require(first.question.marks.last)
        #expect(mark.key == .spent(nonce: "n") && mark.value != "ann")
        let reply = GateReply(counters: [1, 0], earlier: ["1", mark.value])
        #expect(Self.refusal(machine.grant(again, reply)) == .challengeSpent)
        let later = try #require(try Self.ask(&machine, at: 5_000, solution: solution)?.get())
        #expect(Self.refusal(machine.grant(later, reply)) == .challengeSpent)
    }

    @Test("a rule that only observes is counted and lets pass") func observingRulesCount() {
        let rules = [
            GateRule(id: "watch", .level(atLeast: 3), mode: .observe), GateRule(id: "members", .member, mode: .enforce),
        ]
        var machine = Self.machine(Self.lot(rules: rules))
        #expect(Self.refusal(Self.ask(&machine)) == .notEligible(rule: "members"))
        #expect(machine.ruleHits == ["watch": 1, "members": 1])
    }

    @Test("a token that is made again says when it was first made") func tokensKeepTheirTime() throws {
        var machine = Self.machine(Self.lot())
        let first = try #require(try Self.ask(&machine, at: 1_000)?.get())
        #expect(try machine.grant(first, GateReply(counters: [0, 0])).get().issuedAt == first.askedAt)
        let second = try #require(try Self.ask(&machine, at: 2_000)?.get())
        let reply = GateReply(counters: [0, 0], earlier: [first.question.marks[0].value])
        #expect(try machine.grant(second, reply).get().issuedAt == first.askedAt)
        #expect(machine.minted[LotID(1)] == 1, "a buyer who asks again is one buyer in the line")
    }

    @Test("under overload the same callers are admitted from call to call, and the others are told to come back later")
    func sheddingIsStable() {
        var machine = Self.machine(Self.lot())
        var now = Self.opensAt
        func admitted() -> [UInt64] {
            (UInt64(1)...1_000).filter { machine.isShed(.token, caller: $0, now: Self.opensAt, draw: $0) == nil }
        }
        #expect(admitted().count == 1_000)
        for _ in 0..<1_200 {
            machine.observe(waitingMilliseconds: 100, cpuPermille: 900, steady: now)
            now = now.advanced(milliseconds: 100)
        }
        let first = admitted()
        #expect((50...150).contains(first.count), "\(first.count) of 1000 at the lowest share, 100 permille")
        #expect(admitted() == first)
        #expect(machine.isShed(.payment, caller: 1, now: now, draw: 1) == nil)
        let pauses = (UInt64(1)...1_000).compactMap {
            machine.isShed(.entry, caller: $0, now: Self.opensAt, draw: $0)?.retryAfterMilliseconds
        }
        #expect(pauses.count == 1_000 && pauses.allSatisfy { (4_000...8_000).contains($0) })
        #expect(machine.shed == 3_000 - 2 * first.count)
    }

    @Test("a gate that is busy, and keeps nobody waiting, sheds nothing") func busyGate() {
        var machine = Self.machine(Self.lot())
        for number in Int64(0)..<300 {
            machine.observe(
                waitingMilliseconds: 1, cpuPermille: 1_000, steady: Self.opensAt.advanced(milliseconds: number * 100))
        }
        #expect(machine.share.permille == 1_000)
    }

    @Test("a second in which nothing waits and the processors are idle ends the shedding; a busy one does not")
    func stormIsOver() {
        var machine = Self.machine(Self.lot())
        var now = Self.opensAt
        func observe(_ seconds: Int, waiting: Int, cpu: Int) -> Int {
            for _ in 0..<(seconds * 10) {
                machine.observe(waitingMilliseconds: waiting, cpuPermille: cpu, steady: now)
                now = now.advanced(milliseconds: 100)
            }
            return machine.share.permille
        }
        #expect(observe(10, waiting: 50, cpu: 900) < 700)
        let low = machine.share.permille
        #expect(observe(2, waiting: 4, cpu: 900) <= low + 30, "one step of 1 % a second")
        #expect(observe(2, waiting: 6, cpu: 100) < 800)
        #expect(observe(2, waiting: 5, cpu: 400) == 1_000)
    }
}
