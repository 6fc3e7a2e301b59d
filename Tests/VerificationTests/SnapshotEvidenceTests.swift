import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

@Suite("Snapshots in verification") struct SnapshotEvidenceTests {
    private static let incarnation = Incarnation(1)

    private func count(of change: (inout UnitBook.Parts) -> Void) throws -> LostLedgers.Count {
        let folder = try TemporaryFolder.make()
        let ledger = try UnitLedger(path: folder + "/ledger.sqlite", unit: UnitID(1), newID: LedgerID(7))
        let orders = (1...3 as ClosedRange<UInt64>).map { number in
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9))
        }
        let entries: [LedgerEntry] =
            [.opened(Self.incarnation), .ceiling(Stamp(rawValue: 99)), .granted(LotID(1), total: 9)]
            + orders.map { .reserved($0) } + [.confirmed(orders[0], payment: PaymentID("p")!)]
        try ledger.commit(entries, as: Self.incarnation)
        var book = UnitBook()
        for entry in entries { book.apply(entry) }
        var parts = book.parts
        change(&parts)
        try ledger.takeSnapshot(of: UnitBook(parts), as: Self.incarnation)
        try ledger.commit([.nonce(1)], as: Self.incarnation)
        return try LostLedgers.count(unitFolder: folder, lot: LotID(1), generation: Generation(1))
    }

    @Test("a snapshot that says what the journal says is no finding") func rightSnapshotIsNoFinding() throws {
        #expect(try self.count { _ in }.sold == 3)
        // Nonce and ceiling may be newer than the snapshot's position.
        #expect(try self.count { ($0.nonce, $0.ceiling) = (7, Stamp(rawValue: 1_000)) }.sold == 3)
    }

    @Test("a snapshot with other orders, counters or refusals than the journal is a finding")
    func wrongSnapshotIsFinding()
        throws
    {
        let changes: [(inout UnitBook.Parts) -> Void] = [
            { $0.orders.set(OrderID(high: 2, low: 2), state: .expired) },
            { $0.orders = OrderTable() },
            { $0.accounts[.init(lot: LotID(1), generation: Generation(1))]!.granted += 1 },
            { $0.refused[OrderID(high: 8, low: 8)] = .duplicate(held: 1, limit: 1) },
            { $0.incarnation = Incarnation(9) }, { $0.generation = Generation(2) },
        ]
        for change in changes { #expect(throws: StorageError.self) { try self.count(of: change) } }
    }
}
