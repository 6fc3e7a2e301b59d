import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// How `tranche fairness` counts right and wrong winners, from files alone.
@Suite("Fairness from files") struct FairnessReportTests {
    private static let lot = LotID(1)
    private static let moment = Instant(microseconds: 1_000)

    /// One request of a contest for a single item: its order, and the tie key that the log has for it.
    private struct Request {
        let number: UInt64
        let stamp: Stamp
        let tie: UInt64
        var order: OrderID { OrderID(high: 1, low: self.number) }
        var entrant: ContestBatch.Entrant {
            .init(
                order: self.order, unit: UnitID(1), generation: Generation(1), quantity: 1,
                place: Place(stamp: self.stamp, tie: self.tie), stamp: self.stamp, uncertainty: 0, isLate: false,
                index: Int(self.number))
        }
        var entry: LedgerEntry {
            .contested(
                Order(
                    id: self.order, buyer: BuyerID("b\(self.number)")!, lot: FairnessReportTests.lot, quantity: 1,
                    buyerLimit: 1, generation: Generation(1), state: .contested, stamp: self.stamp,
                    deadline: .distantFuture), uncertaintyMicroseconds: 0)
        }
    }

    /// The report on a contest in which the first of `passed` got the item.
    private func report(_ passed: [Request]) throws -> FairnessReport {
        let folder = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        let batch = ContestBatch(
            number: 1, at: Instant(microseconds: 2_000), frontier: passed.last!.entrant.place,
            passed: passed.map(\.entrant), allocated: [passed[0].order], released: passed.dropFirst().map(\.order),
            waited: [UnitID(1)])
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        try store.append(
            [
                .epoch(Epoch(1)), .issued(Self.lot, quantity: 1),
                .registered(UnitID(1), LedgerID(7), Generation(1), Incarnation(1), session: 1),
                .contended(Self.lot, ContestTerms(policy: .stamp, waitlist: 0)), .contest(Self.lot, batch),
            ], witnesses: [:], as: Epoch(1))
        let ledger = try UnitLedger(path: folder + "/units/one/ledger.sqlite", unit: UnitID(1), newID: LedgerID(7))
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(Instant(microseconds: 9_000))), .contended(Self.lot)]
                + passed.sorted { $0.stamp < $1.stamp }.map(\.entry), as: Incarnation(1))
        return try #require(try Verifier(folder: folder).fairness(Self.lot))
    }

    @Test("of requests in one microsecond, the stamp's counter decides which came first")
    func stampCounterDecidesWithinMicrosecond() throws {
        // The later one has the tie key, and the order id, that would put it first.
        let first = Request(number: 2, stamp: Stamp(Self.moment).next, tie: 9)
        let second = Request(number: 1, stamp: Stamp(Self.moment).next.next, tie: 1)
        let right = try self.report([first, second])
        #expect((right.won, right.misallocated) == (1, 0))
        let wrong = try self.report([second, first])
        #expect((wrong.won, wrong.misallocated) == (1, 1))
    }

    @Test("of equal stamps, the tie key decides which comes first") func tieKeyDecidesEqualStamps() throws {
        let first = Request(number: 2, stamp: Stamp(Self.moment), tie: 1)
        let second = Request(number: 1, stamp: Stamp(Self.moment), tie: 9)
        #expect(try self.report([first, second]).misallocated == 0)
        #expect(try self.report([second, first]).misallocated == 1)
    }
}
