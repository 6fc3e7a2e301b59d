import Foundation
import GRDB
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

@Suite("Archives in verification") struct ArchiveEvidenceTests {
    private static let incarnation = Incarnation(1)
    private static let lot = LotID(1)

    /// Counts what a unit has sold, by its files, after `change` has changed the lot's archive.
    private func sold(_ change: (_ archive: String) throws -> Void) throws -> Int {
        let folder = try TemporaryFolder.make()
        let path = folder + "/ledger.sqlite"
        let ledger = try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(7))
        let orders = (1...3 as ClosedRange<UInt64>).map { number in
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: Self.lot, quantity: 1,
                buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9))
        }
        try ledger.commit(
            [.opened(Self.incarnation), .ceiling(Stamp(rawValue: 99)), .granted(Self.lot, total: 9)]
                + orders.map { .reserved($0) }
                + [
                    .confirmed(orders[0], payment: PaymentID("p")!), .confirmed(orders[1], payment: PaymentID("q")!),
                    .released(orders[2], state: .cancelled),
                ], as: Self.incarnation)
        let archive = LotArchive.folder(of: path)
        let archived = try LotArchive.write(Self.lot, of: ledger.recover().orders, in: archive)
        try ledger.commit([.archived(archived)], as: Self.incarnation)
        try ledger.takeSnapshot(of: ledger.recover(), as: Self.incarnation)
        let end = try #require(try ledger.movableBefore.flatMap { try JournalArchive.copy(from: path, before: $0) })
        while try ledger.deleteMoved(upTo: end, as: Self.incarnation) {}
        try change(LotArchive.path(Self.lot, in: archive))
        return try LostLedgers.count(unitFolder: folder, lot: Self.lot, generation: Generation(1)).sold
    }

    @Test("archived orders count as before") func archivedOrdersCount() throws { #expect(try self.sold { _ in } == 2) }

    @Test("an archive that was changed, or is missing, is a finding") func changedArchiveIsFinding() throws {
        #expect(throws: StorageError.self) { try self.sold { try FileManager.default.removeItem(atPath: $0) } }
        for sql in [
            "DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)",
            // The state of an order: behind 32 bytes and four small numbers.
            "UPDATE orders SET form = CAST(substr(form, 1, 36) || x'01' || substr(form, 38) AS BLOB)",
        ] {
            #expect(throws: StorageError.self) {
                try self.sold { path in
                    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                    try DatabaseQueue(path: path).write { try $0.execute(sql: sql) }
                }
            }
        }
    }
}
