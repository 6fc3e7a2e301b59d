import Testing
import TrancheCore

extension ContestAuthorityTests {
    @Test("pages are for the leader only, and for the batch of the first page") func pagesAreFenced() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        _ = try authority.record(
            Self.lot, self.batch(orders: [1, 2, 3], allocated: [1]), by: epoch, now: Self.now, into: &records)
        let first = try authority.contestPage(Self.lot, for: epoch, from: 0, batches: nil, limit: 2)
        #expect(first.items.count == 2 && first.head.batches == 1)
        #expect(throws: Never.self) { try authority.contestPage(Self.lot, for: epoch, from: 2, batches: 1, limit: 2) }
        #expect(throws: AuthorityError.batchOutOfTurn(2, expected: 1)) {
            try authority.contestPage(Self.lot, for: epoch, from: 2, batches: 2)
        }
        let items = first.head.items
        for outside in [-1, items + 1, .max] {
            #expect(throws: AuthorityError.pageOutOfRange(outside, limit: items)) {
                try authority.contestPage(Self.lot, for: epoch, from: outside, batches: 1)
            }
        }
        let next = try authority.lead(url: "d", now: Self.now.advanced(milliseconds: 9_000), into: &records)
        #expect(throws: AuthorityError.staleEpoch(epoch, current: next)) {
            try authority.contestPage(Self.lot, for: epoch, from: 0, batches: nil)
        }
        #expect(throws: AuthorityError.staleEpoch(epoch, current: next)) {
            try authority.verdicts(Self.lot, of: UnitID(1), for: epoch, from: 0)
        }
    }

    @Test("verdicts are given from any number on, up to the last one") func verdictsComeFromANumberOn() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        _ = try authority.record(
            Self.lot, self.batch(orders: [1, 2, 3], allocated: [1]), by: epoch, now: Self.now, into: &records)
        let verdicts = try authority.verdicts(Self.lot, of: UnitID(1), for: epoch, from: 1)
        #expect(verdicts.map(\.order.low) == [2, 3])
        #expect(try authority.verdicts(Self.lot, of: UnitID(1), for: epoch, from: 3).isEmpty)
        for outside in [-1, 4] {
            #expect(throws: AuthorityError.pageOutOfRange(outside, limit: 3)) {
                try authority.verdicts(Self.lot, of: UnitID(1), for: epoch, from: outside)
            }
        }
    }

    @Test("an order that has had its place gets no second one") func orderPassesOnce() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        _ = try authority.record(
            Self.lot, self.batch(orders: [1, 2], allocated: [1]), by: epoch, now: Self.now, into: &records)
        #expect(throws: AuthorityError.invalidBatch(Self.lot, reason: "an order passes twice")) {
            try authority.record(
                Self.lot, self.batch(number: 2, orders: [1], allocated: []), by: epoch, now: Self.now, into: &records)
        }
    }
}
