import Testing
import TrancheCore

@Suite("Contests at the authority") struct ContestAuthorityTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)

    func contended() throws -> (QuotaAuthority, Epoch) {
        var (authority, records) = (QuotaAuthority(book: AuthorityBook(), witnesses: [:]), [AuthorityRecord]())
        authority.takeOver(into: &records)
        try authority.issue(Self.lot, quantity: 2, into: &records)
        _ = authority.register(
            RegisterRequest(
                unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
                head: .empty, session: 1, answer: nil), now: Self.now, into: &records)
        _ = try authority.contend(Self.lot, .init(policy: .stamp, waitlist: 3), into: &records)
        let epoch = try authority.lead(url: "c", now: Self.now, into: &records)
        return (authority, epoch)
    }

    func batch(
        number: UInt64 = 1, orders: [UInt64], allocated: [UInt64], generation: UInt32 = 1
    ) -> ContestBatch {
        let passed = orders.map { order in
            ContestBatch.Entrant(
                order: OrderID(high: 0, low: order), unit: UnitID(1), generation: Generation(generation), quantity: 1,
                place: Place(stamp: Stamp(rawValue: order), tie: 0), stamp: Stamp(rawValue: order), uncertainty: 0,
                isLate: false, index: Int(order))
        }
        return ContestBatch(
            number: number, at: Self.now, frontier: passed.last?.place ?? .zero, passed: passed,
            allocated: allocated.map { OrderID(high: 0, low: $0) }, released: [], waited: [])
    }

    @Test("an allocation takes from the pool, and the stock is conserved") func allocationConservesStock() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        let left = try authority.record(
            Self.lot, self.batch(orders: [1, 2], allocated: [1]), by: epoch, now: Self.now, into: &records)
        #expect(left.pool == 1)
        #expect(left.mayReturn == 1)
        #expect(authority.book.allocated(Self.lot) == 1)
        #expect(authority.book.isConserved(Self.lot))
        #expect(authority.book.lots[Self.lot]?.contest?.line.map(\.order.low) == [2])
    }

    @Test("a batch that does not fit is refused, and changes nothing") func unfitBatchChangesNothing() throws {
        let (fresh, epoch) = try self.contended()
        let cases: [(ContestBatch, Epoch)] = [
            (self.batch(orders: [1, 2, 3], allocated: [1, 2, 3]), epoch),  // More than the pool has.
            (self.batch(orders: [1], allocated: [9]), epoch),  // Not in the line.
            (self.batch(orders: [1], allocated: [1], generation: 2), epoch),  // Another ledger.
            (self.batch(number: 2, orders: [1], allocated: [1]), epoch),  // Out of turn.
            (self.batch(orders: [1], allocated: [1]), Epoch(0)),  // A coordinator that does not lead.
        ]
        for (batch, epoch) in cases {
            var (authority, records) = (fresh, [AuthorityRecord]())
            #expect(throws: AuthorityError.self) {
                try authority.record(Self.lot, batch, by: epoch, now: Self.now, into: &records)
            }
            #expect(records.isEmpty)
        }
    }

    @Test("no quota is granted from a contended pool") func contendedPoolGrantsNothing() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        _ = authority.carryOut([.grant(Self.lot, UnitID(1), quantity: 1)], by: epoch, into: &records)
        #expect(records.isEmpty)
    }
}
