import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// A ledger was replaced by an older copy, and turned up again in `lost/`.
@Suite("Lost ledgers") struct LostLedgerTests {
    private static let incarnation = Incarnation(1)
    private static let lot = LotID(1)

    private func order(_ number: UInt64, generation: Generation = Generation(1)) -> Order {
        Order(
            id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: Self.lot, quantity: 1,
            buyerLimit: 1, generation: generation, stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 9))
    }

    /// Sells orders 1 and 2, copies the ledger, sells 3 and 4, pays for 1 and 3, and puts the copy in place.
    private func restored() throws -> (folder: String, ledger: UnitLedger) {
        let folder = try TemporaryFolder.make()
        let path = folder + "/ledger.sqlite"
        let ledger = try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(7))
        try ledger.commit(
            [
                .opened(Self.incarnation), .ceiling(Stamp(rawValue: 1_000)), .granted(Self.lot, total: 10),
                .reserved(self.order(1)),
                .reserved(self.order(2)),
            ], as: Self.incarnation)
        try LedgerCopy.make(of: path, at: folder + "/copy.sqlite")
        try ledger.commit(
            [
                .reserved(self.order(3)), .reserved(self.order(4)),
                .confirmed(self.order(1), payment: PaymentID("p1")!),
                .confirmed(self.order(3), payment: PaymentID("p3")!),
            ], as: Self.incarnation)
        let lost = folder + "/" + LostLedgers.folder
        try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
        for suffix in ["", "-wal", "-shm"] {
            try FileManager.default.moveItem(atPath: path + suffix, toPath: "\(lost)/1.sqlite\(suffix)")
        }
        try FileManager.default.moveItem(atPath: folder + "/copy.sqlite", toPath: path)
        return (folder, try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(7)))
    }

    private func count(_ folder: String) throws -> (sold: Int, undecided: Int) {
        let count = try LostLedgers.count(unitFolder: folder, lot: Self.lot, generation: Generation(1))
        return (count.sold, count.undecided)
    }

    @Test("orders that only the lost ledger has count as sold; orders that the copy holds open are undecided")
    func lostOrdersCountAsSold()
        throws
    {
        let (folder, ledger) = try self.restored()
        #expect(try self.count(folder) == (4, 2))
        try ledger.commit(
            [
                .released(self.order(1), state: .expired), .confirmed(self.order(2), payment: PaymentID("p2")!),
                .generation(Generation(2)),
            ], as: Self.incarnation)
        // Order 1 expired in the ledger in use; but the lost one took the buyer's money, so its item is not free.
        #expect(try self.count(folder) == (4, 0))
    }

    @Test("an order that is bought again counts once, in the last generation that sold it")
    func orderBoughtAgainCountsOnce() throws {
        let (folder, ledger) = try self.restored()
        try ledger.commit(
            [
                .released(self.order(1), state: .expired), .released(self.order(2), state: .expired),
                .generation(Generation(2)), .granted(Self.lot, total: 5),
                .reserved(self.order(3, generation: Generation(2))),
                .reserved(self.order(4, generation: Generation(2))),
            ], as: Self.incarnation)
        // Orders 1 and 3 were paid for in the lost ledger: their items are theirs, although 3 was bought once more. Order 2
        // expired, and the unpaid order 4 holds an item of the new generation.
        #expect(try self.count(folder) == (2, 0))
        let count = try LostLedgers.count(unitFolder: folder, lot: Self.lot, generation: Generation(1))
        #expect(count.hasMovedOn)
        #expect(count.lostLedgers == 1)
    }

    @Test("a lost ledger that is damaged, or another unit's, fails the check")
    func badLostLedgerIsRefused() throws {
        let (folder, _) = try self.restored()
        let foreign = "\(folder)/\(LostLedgers.folder)/2.sqlite"
        _ = try UnitLedger(path: foreign, unit: UnitID(2), newID: LedgerID(8))
        #expect(throws: StorageError.self) { try self.count(folder) }
        try FileManager.default.removeItem(atPath: foreign)
        #expect(try self.count(folder).sold == 4)
        try Data("no database at all, but long enough to be looked at".utf8).write(to: URL(fileURLWithPath: foreign))
        #expect(throws: StorageError.self) { try self.count(folder) }
    }
}
