import Testing
import TrancheCore

@Suite("Quota authority") struct QuotaTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)
    static let unit = UnitID(1)

    /// An authority with 100 items and one unit that has reported once.
    private func authority() throws -> (QuotaAuthority, [AuthorityRecord]) {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        try authority.issue(Self.lot, quantity: 100, into: &records)
        _ = authority.register(self.request(), now: Self.now, into: &records)
        _ = authority.report(self.report(returned: 0, position: 1), now: Self.now, into: &records)
        return (authority, records)
    }

    private func request(session: UInt64 = 7, position: UInt64 = 1, answer: ChallengeAnswer? = nil) -> RegisterRequest {
        RegisterRequest(
            unit: Self.unit, ledger: LedgerID(5), incarnation: Incarnation(session), generation: Generation(1),
            head: LedgerHead(position: position, digest: .init(high: position, low: 0)), session: session,
            answer: answer)
    }

    private func report(
        returned: Int, position: UInt64, session: UInt64 = 7, granted: Int? = nil, generation: UInt32 = 1,
        ledger: UInt64 = 5, proves: LedgerHead? = nil, proof: LedgerHead? = nil, earlier: [UnitReport.Earlier] = []
    ) -> UnitReport {
        let counters = QuotaCounters(granted: granted ?? returned, returned: returned, sold: 0, cancelled: 0)
        return UnitReport(
            unit: Self.unit, ledger: LedgerID(ledger), incarnation: Incarnation(session),
            generation: Generation(generation), session: session,
            head: LedgerHead(position: position, digest: .init(high: position, low: 0)), nonce: 1,
            lots: [
                .init(
                    lot: Self.lot, counters: counters, offered: 0, starved: 0, hintDone: 0, isPrimed: true, paid: 0)
            ], proves: proves?.position ?? 0, proof: proof, earlier: earlier)
    }

    /// Past the time for which a silent process may be alive.
    static let silent = now.advanced(milliseconds: QuotaAuthority.silenceMilliseconds + 1)

    /// Asks, answers the question from a ledger that holds these heads, and returns the last reply.
    private func register(
        _ authority: inout QuotaAuthority, _ records: inout [AuthorityRecord], session: UInt64, ledger: UInt64 = 5,
        generation: UInt32 = 1, heads: [LedgerHead], now: Instant
    ) -> RegisterReply {
        func request(_ answer: ChallengeAnswer?) -> RegisterRequest {
            RegisterRequest(
                unit: Self.unit, ledger: LedgerID(ledger), incarnation: Incarnation(session),
                generation: Generation(generation), head: heads.last ?? .empty, session: session, answer: answer)
        }
        let question = authority.register(request(nil), now: now, into: &records)
        guard case .proofRequired(let position, let challenge, let earlier) = question else { return question }
        func find(_ position: UInt64) -> LedgerHead? { heads.first { $0.position == position } }
        let answer = ChallengeAnswer(
            challenge: challenge, proof: find(position), earlier: earlier.compactMap(find))
        return authority.register(request(answer), now: now, into: &records)
    }

    private func head(_ position: UInt64) -> LedgerHead {
        LedgerHead(position: position, digest: .init(high: position, low: 0))
    }

    @Test("a copy of a living unit's ledger is not let in, and changes nothing", arguments: [true, false])
    func refusesCopies(isCurrent: Bool) throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        let heads = isCurrent ? [self.head(1), self.head(9)] : [self.head(1)]
        let soon = Self.now.advanced(milliseconds: 300)
        #expect(self.register(&authority, &records, session: 8, heads: heads, now: soon) == .occupied)
        #expect(authority.book.units[Self.unit]?.session == 7)
        #expect(authority.book.stranded(Self.lot) == 0)
        let reply = authority.report(self.report(returned: 0, position: 12), now: soon, into: &records)
        guard case .directives = reply else {
            Issue.record("the living unit was told \(reply)")
            return
        }
        // A little later: the right ledger is let in, because its process was surely started anew; a copy still waits.
        let later = soon.advanced(milliseconds: QuotaAuthority.livingMilliseconds + 1)
        let second = self.register(
            &authority, &records, session: 8, heads: heads + (isCurrent ? [self.head(12)] : []), now: later)
        if isCurrent {
            guard case .accepted = second else {
                Issue.record("the right ledger was told \(second)")
                return
            }
        } else {
            #expect(second == .occupied)
        }
    }

    @Test("a generation that was stranded is settled by its very ledger, when that comes back and proves itself")
    func provesEarlierGenerations() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        // While the unit was down, an old copy of its ledger was started: it gets a generation of its own.
        let copy = self.register(&authority, &records, session: 8, heads: [self.head(1)], now: Self.silent)
        guard case .newGeneration(let directives) = copy else {
            Issue.record("the copy was told \(copy)")
            return
        }
        #expect(directives.generation == Generation(2))
        #expect(authority.book.stranded(Self.lot) == 40)
        // Then the right disk comes back.
        let much = Self.silent.advanced(milliseconds: 10_000)
        let right = self.register(
            &authority, &records, session: 9, heads: [self.head(1), self.head(90), self.head(95)], now: much)
        guard case .newGeneration(let next) = right else {
            Issue.record("the right ledger was told \(right)")
            return
        }
        let earlier = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: 25)]
        _ = authority.report(
            self.report(returned: 0, position: 99, session: 9, generation: next.generation.rawValue, earlier: earlier),
            now: much, into: &records)
        #expect(authority.book.stranded(Self.lot) == 0)
        #expect(authority.book.lots[Self.lot]?.pool == 75)
        let fewer = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: 24)]
        _ = authority.report(
            self.report(returned: 0, position: 102, session: 9, generation: next.generation.rawValue, earlier: fewer),
            now: much, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 76, "a reservation of it expired")
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("what a ledger that proved nothing says of earlier generations is not taken") func doubtsEarlierGenerations()
        throws
    {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        _ = self.register(&authority, &records, session: 8, heads: [self.head(1)], now: Self.silent)
        let earlier = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: 0)]
        _ = authority.report(
            self.report(returned: 0, position: 3, session: 8, generation: 2, earlier: earlier), now: Self.silent,
            into: &records)
        #expect(authority.book.stranded(Self.lot) == 40)
    }

    @Test("a report that contradicts the books strands the unit's quota, and is an alarm, once") func judgesReports()
        throws
    {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        for position: UInt64 in [3, 4] {
            _ = authority.report(
                self.report(returned: 0, position: position, granted: 41), now: Self.now, into: &records)
        }
        #expect(authority.book.stranded(Self.lot) == 40)
        #expect(authority.takeAlarms().count == 1)
        #expect(try authority.grant(Self.lot, to: Self.unit, quantity: 5, into: &records) == 0)
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("a process whose ledger went back under it is found by what its reports prove") func judgesProofs() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        let good = self.report(returned: 0, position: 12, proves: self.head(9), proof: self.head(9))
        guard case .directives(let directives) = authority.report(good, now: Self.now, into: &records) else {
            Issue.record("a good proof was refused")
            return
        }
        #expect(directives.witness == self.head(12))
        for proof in [nil, LedgerHead(position: 12, digest: .init(high: 77, low: 0))] {
            var (authority, records) = (authority, records)
            let bad = self.report(returned: 0, position: 15, proves: self.head(12), proof: proof)
            #expect(authority.report(bad, now: Self.now, into: &records) == .superseded)
            #expect(authority.book.stranded(Self.lot) == 40)
            #expect(authority.takeAlarms().count == 1)
        }
    }

    @Test("a center that has lost its log lets nobody in who knows more than it does") func knowsItsPlace() throws {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        let request = RegisterRequest(
            unit: Self.unit, ledger: LedgerID(5), incarnation: Incarnation(4), generation: Generation(1),
            head: self.head(90), session: 8, hasGrants: true, answer: nil)
        #expect(authority.register(request, now: Self.now, into: &records) == .centerIsBehind)
        #expect(
            authority.report(self.report(returned: 0, position: 91, granted: 40), now: Self.now, into: &records)
                == .centerIsBehind)
        #expect(authority.book.units.isEmpty)
        #expect(!authority.takeAlarms().isEmpty)
    }

    @Test("quota is not moved from a unit to itself, nor in a contest") func refusesMoves() throws {
        var (authority, records) = try self.authority()
        #expect(throws: AuthorityError.sameUnit(Self.unit)) {
            try authority.move(Self.lot, from: Self.unit, to: Self.unit, quantity: 1)
        }
        _ = try authority.contend(Self.lot, ContestTerms(policy: .stamp, waitlist: 1), into: &records)
        #expect(throws: AuthorityError.contended(Self.lot)) {
            try authority.move(Self.lot, from: UnitID(2), to: Self.unit, quantity: 1)
        }
    }

    @Test("a grant never exceeds the pool") func clamps() throws {
        var (authority, records) = try self.authority()
        var granted: [Int] = []
        for quantity in [70, 70, 1] {
            granted.append(try authority.grant(Self.lot, to: Self.unit, quantity: quantity, into: &records))
        }
        #expect(granted == [70, 30, 0])
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("the pool grows only by what a unit returned, however often it says so") func returns() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        for _ in 0..<3 {
            _ = authority.report(self.report(returned: 20, position: 3, granted: 50), now: Self.now, into: &records)
        }
        _ = authority.report(self.report(returned: 5, position: 2, granted: 50), now: Self.now, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 70)
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("a report that returns more than was granted changes nothing") func refusesTooMuch() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 10, into: &records)
        _ = authority.report(self.report(returned: 11, position: 3), now: Self.now, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 90)
    }

    @Test("a ledger that was set back is stranded, and gets a new generation") func strands() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        let question = authority.register(self.request(session: 8, position: 50), now: Self.silent, into: &records)
        guard case .proofRequired(position: 90, let challenge, _) = question else {
            Issue.record("expected a question about position 90, got \(question)")
            return
        }
        let answer = ChallengeAnswer(challenge: challenge, proof: nil)
        let reply = authority.register(
            self.request(session: 8, position: 50, answer: answer), now: Self.silent, into: &records)
        guard case .newGeneration(let directives) = reply else {
            Issue.record("expected a new generation, got \(reply)")
            return
        }
        #expect(directives.generation == Generation(2))
        #expect(authority.book.stranded(Self.lot) == 40)
        #expect(authority.book.isConserved(Self.lot))
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 75)
        #expect(authority.book.stranded(Self.lot) == 0)
    }

    @Test("what was settled cannot be stranded again: its stock is in the pool") func settledStaysSettled() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        try authority.strand(Self.unit, reason: "test", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        try authority.strand(Self.unit, reason: "a retry", into: &records)
        #expect(authority.book.account(Self.lot, Self.unit, Generation(1)).standing == .settled)
        let reply = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        #expect(reply == .registerFirst, "it must begin a new generation before it sells on")
    }

    @Test("a settlement can be corrected downwards, and never upwards") func correctsSettlement() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        let pool = authority.book.lots[Self.lot]!.pool
        #expect(throws: AuthorityError.notStranded(Self.lot, Self.unit, Generation(1))) {
            try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        }
        try authority.strand(Self.unit, reason: "test", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 24, into: &records)
        #expect(authority.book.lots[Self.lot]!.pool == pool + 26)
        #expect(authority.book.isConserved(Self.lot))
        #expect(throws: AuthorityError.soldOutOfRange(25, limit: 24)) {
            try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        }
    }

    @Test("a process whose generation was settled must begin a new one before it goes on") func fencesSettled() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        try authority.strand(Self.unit, reason: "declared lost", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        let told = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        #expect(told == .registerFirst)
        let question = authority.register(self.request(), now: Self.now, into: &records)
        guard case .proofRequired(position: 1, let challenge, _) = question else {
            Issue.record("expected a question, got \(question)")
            return
        }
        let proof = LedgerHead(position: 1, digest: .init(high: 1, low: 0))
        let answer = ChallengeAnswer(challenge: challenge, proof: proof)
        let reply = authority.register(self.request(answer: answer), now: Self.now, into: &records)
        guard case .newGeneration = reply else {
            Issue.record("expected a new generation, got \(reply)")
            return
        }
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("the same ledger proves itself and goes on") func proves() throws {
        var (authority, records) = try self.authority()
        let question = authority.register(self.request(session: 8, position: 9), now: Self.silent, into: &records)
        guard case .proofRequired(position: 1, let challenge, _) = question else {
            Issue.record("expected a question, got \(question)")
            return
        }
        let proof = LedgerHead(position: 1, digest: .init(high: 1, low: 0))
        let answer = ChallengeAnswer(challenge: challenge, proof: proof)
        let reply = authority.register(
            self.request(session: 8, position: 9, answer: answer), now: Self.silent, into: &records)
        guard case .accepted = reply else {
            Issue.record("expected acceptance, got \(reply)")
            return
        }
        // The process before it is told to stop.
        let late = authority.report(self.report(returned: 0, position: 2), now: Self.now, into: &records)
        #expect(late == .superseded)
    }

    @Test("commands of a deposed coordinator are refused") func fences() throws {
        var (authority, records) = try self.authority()
        let old = try authority.lead(url: "a", now: Self.now, into: &records)
        #expect(throws: AuthorityError.leaderIsAlive(old)) {
            try authority.lead(url: "b", now: Self.now.advanced(milliseconds: 500), into: &records)
        }
        let new = try authority.lead(url: "b", now: Self.now.advanced(milliseconds: 700), into: &records)
        let decisions = [Rebalancer.Decision.grant(Self.lot, Self.unit, quantity: 5)]
        let late = authority.carryOut(decisions, by: old, into: &records)
        #expect(late == .failure(.staleEpoch(old, current: new)))
        let timely = authority.carryOut(decisions, by: new, into: &records)
        #expect(timely == .success([Self.unit]))
    }

    @Test(
        "bad numbers are refused and change nothing",
        arguments: [
            (0, 1_000_000_000 - 100), (-3, 1_000_000_000 - 100), (1_000_000_000, 1_000_000_000 - 100),
            (Int.max, 1_000_000_000 - 100),
        ])
    func refuses(quantity: Int, limit: Int) throws {
        var (authority, records) = try self.authority()
        let before = records
        #expect(throws: AuthorityError.invalidQuantity(quantity, limit: limit)) {
            try authority.issue(Self.lot, quantity: quantity, into: &records)
        }
        #expect(records == before)
    }

    @Test("a replay of the log gives the same book") func replays() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        _ = authority.report(self.report(returned: 20, position: 3, granted: 50), now: Self.now, into: &records)
        var replayed = AuthorityBook()
        for record in records { replayed.apply(record) }
        #expect(replayed.lots[Self.lot]?.pool == authority.book.lots[Self.lot]?.pool)
        #expect(replayed.units == authority.book.units)
        #expect(replayed.epoch == authority.book.epoch)
    }

    @Test("a move passes on what the giver gives back, and no more") func moves() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        #expect(throws: AuthorityError.unknownUnit(UnitID(9))) {
            _ = try authority.move(Self.lot, from: Self.unit, to: UnitID(9), quantity: 5)
        }
        #expect(throws: AuthorityError.invalidQuantity(0, limit: Limits.stockPerLot)) {
            _ = try authority.move(Self.lot, from: UnitID(2), to: Self.unit, quantity: 0)
        }
    }
}

@Suite("Quota plan and tranche sizes") struct PlanTests {
    @Test("shares add up to what is shared, and never to more") func adds() {
        for total in [0, 1, 2, 3, 10, 999, 10_000] {
            for weights in [[1, 1, 1], [80, 15, 5], [0, 0, 7], [0, 0, 0], [3]] {
                for pool in [0, 1, 500, 1_000] {
                    let grants = QuotaPlan.split(total: total, poolPermille: pool, weights: weights)
                    let shared = total - total * pool / 1_000
                    #expect(grants.reduce(0, +) == (weights.allSatisfy { $0 == 0 } ? 0 : shared))
                    #expect(grants.allSatisfy { $0 >= 0 })
                }
            }
        }
    }

    @Test("a tranche is half of the share, at least one, at most the cap and the pool") func sizes() {
        #expect(TrancheSize.grant(share: 0.8, pool: 1_000, cap: 10_000) == 400)
        #expect(TrancheSize.grant(share: 0.8, pool: 1_000, cap: 100) == 100)
        #expect(TrancheSize.grant(share: 0.01, pool: 3, cap: 10) == 1)
        #expect(TrancheSize.grant(share: 1, pool: 0, cap: 10) == 0)
        #expect(TrancheSize.grant(share: 1, pool: 5, cap: 0) == 0)
    }

    @Test("surplus goes from the idle unit to the one that starves, once per cool-down") func rebalances() {
        var rebalancer = Rebalancer()
        let start = Instant(milliseconds: 1_700_000_000_000)
        func samples(_ at: Instant, offered: Int) -> [Rebalancer.Sample] {
            [
                .init(unit: UnitID(1), available: 0, offered: offered, starved: 20, heardAt: at, isLive: true),
                .init(unit: UnitID(2), available: 300, offered: 0, starved: 0, heardAt: at, isLive: true),
                .init(unit: UnitID(3), available: 900, offered: 0, starved: 0, heardAt: at, isLive: false),
            ]
        }
        _ = rebalancer.decide(LotID(1), pool: 0, samples: samples(start, offered: 0), now: start)
        let later = start.advanced(milliseconds: 500)
        let first = rebalancer.decide(LotID(1), pool: 0, samples: samples(later, offered: 200), now: later)
        #expect(first.count == 1)
        guard case .reclaim(LotID(1), UnitID(2), let keep)? = first.first else {
            Issue.record("expected a reclaim from unit 2, got \(first)")
            return
        }
        #expect((150..<300).contains(keep), "at most half of the surplus of 300, but kept \(keep)")
        let soon = rebalancer.decide(LotID(1), pool: 0, samples: samples(later, offered: 200), now: later)
        #expect(soon.isEmpty, "the unit is left alone during its cool-down")
    }
}
