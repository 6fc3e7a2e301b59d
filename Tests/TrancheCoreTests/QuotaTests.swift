import Testing
import TrancheCore

@Suite("Quota authority") struct QuotaTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)
    static let unit = UnitID(1)

    /// An authority with 100 items and one unit that has reported once.
    func authority() throws -> (QuotaAuthority, [AuthorityRecord]) {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        try authority.issue(Self.lot, quantity: 100, into: &records)
        _ = authority.register(self.request(), now: Self.now, into: &records)
        _ = authority.report(self.report(returned: 0, position: 1), now: Self.now, into: &records)
        return (authority, records)
    }

    func request(session: UInt64 = 7, position: UInt64 = 1, answer: ChallengeAnswer? = nil) -> RegisterRequest {
        RegisterRequest(
            unit: Self.unit, ledger: LedgerID(5), incarnation: Incarnation(session), generation: Generation(1),
            head: LedgerHead(position: position, digest: .init(high: position, low: 0)), session: session,
            answer: answer)
    }

    func report(
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
    func register(
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

    func head(_ position: UInt64) -> LedgerHead {
        LedgerHead(position: position, digest: .init(high: position, low: 0))
    }

    @Test("quota is not moved from a unit to itself, nor in a contest") func impossibleMovesAreRefused() throws {
        var (authority, records) = try self.authority()
        #expect(throws: AuthorityError.sameUnit(Self.unit)) {
            try authority.move(Self.lot, from: Self.unit, to: Self.unit, quantity: 1)
        }
        _ = try authority.contend(Self.lot, ContestTerms(policy: .stamp, waitlist: 1), into: &records)
        #expect(throws: AuthorityError.contended(Self.lot)) {
            try authority.move(Self.lot, from: UnitID(2), to: Self.unit, quantity: 1)
        }
    }

    @Test("a grant never exceeds the pool") func grantNeverExceedsPool() throws {
        var (authority, records) = try self.authority()
        var granted: [Int] = []
        for quantity in [70, 70, 1] {
            granted.append(try authority.grant(Self.lot, to: Self.unit, quantity: quantity, into: &records))
        }
        #expect(granted == [70, 30, 0])
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("the pool grows once by a unit's return, also if the report is repeated")
    func poolGrowsByReturnsOnly() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        for _ in 0..<3 {
            _ = authority.report(self.report(returned: 20, position: 3, granted: 50), now: Self.now, into: &records)
        }
        _ = authority.report(self.report(returned: 5, position: 2, granted: 50), now: Self.now, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 70)
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("a report that returns more than was granted changes nothing") func excessiveReturnChangesNothing() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 10, into: &records)
        _ = authority.report(self.report(returned: 11, position: 3), now: Self.now, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 90)
    }

    @Test("commands of a deposed coordinator are refused") func deposedCoordinatorIsRefused() throws {
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
    func badNumbersChangeNothing(quantity: Int, limit: Int) throws {
        var (authority, records) = try self.authority()
        let before = records
        #expect(throws: AuthorityError.invalidQuantity(quantity, limit: limit)) {
            try authority.issue(Self.lot, quantity: quantity, into: &records)
        }
        #expect(records == before)
    }

    @Test("a replay of the log gives the same book") func logReplayGivesSameBook() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        _ = authority.report(self.report(returned: 20, position: 3, granted: 50), now: Self.now, into: &records)
        var replayed = AuthorityBook()
        for record in records { replayed.apply(record) }
        #expect(replayed.lots[Self.lot]?.pool == authority.book.lots[Self.lot]?.pool)
        #expect(replayed.units == authority.book.units)
        #expect(replayed.epoch == authority.book.epoch)
    }

    @Test("a move whose record the log refused has not happened, and its reclaim is dropped")
    func refusedMoveIsForgotten() throws {
        var (authority, records) = try self.authority()
        _ = authority.register(
            RegisterRequest(
                unit: UnitID(2), ledger: LedgerID(6), incarnation: Incarnation(1), generation: Generation(1),
                head: .empty, session: 3, answer: nil), now: Self.now, into: &records)
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        _ = try authority.move(Self.lot, from: Self.unit, to: UnitID(2), quantity: 5)
        authority.confirm()
        let (book, witnesses) = (authority.book, authority.witnesses)
        _ = try authority.move(Self.lot, from: Self.unit, to: UnitID(2), quantity: 7)
        authority.goBack(to: book, witnesses: witnesses)
        #expect(authority.moves.map(\.asked) == [5])
        #expect(authority.directives(for: Self.unit, now: Self.now).lots[0].hint == nil)
        #expect(try authority.move(Self.lot, from: Self.unit, to: UnitID(2), quantity: 1).id == 3, "no number twice")
    }

    @Test("a move grants what its source returns, and no more") func movePassesOnReturnsOnly() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        #expect(throws: AuthorityError.unknownUnit(UnitID(9))) {
            _ = try authority.move(Self.lot, from: Self.unit, to: UnitID(9), quantity: 5)
        }
        #expect(throws: AuthorityError.invalidQuantity(0, limit: Limits.stockPerLot)) {
            _ = try authority.move(Self.lot, from: UnitID(2), to: Self.unit, quantity: 0)
        }
        try authority.setDrained(Self.unit, true, into: &records)
        #expect(throws: AuthorityError.drained(Self.unit)) {
            _ = try authority.move(Self.lot, from: UnitID(2), to: Self.unit, quantity: 5)
        }
    }
}
