import Clusters
import Foundation
import Storage
import Terminal
import TrancheCore

/// Sales of the past, in a ledger: settled lots of a million orders each, and one lot that is on sale.
struct ArchivedSales {
    static let ordersPerLot = 1_000_000
    static let ordersPerCommit = 500

    let archived: Int
    let live: Int

    var lots: [LotID] {
        (0..<((self.archived + Self.ordersPerLot - 1) / Self.ordersPerLot)).map { LotID(UInt32(101 + $0)) }
    }

    /// - Parameter path: The ledger of a unit that is stopped, with its grants.
    /// - Returns: An archived order.
    func write(to path: String, say: (String) -> Void) throws -> OrderID {
        var left = self.archived
        var count: UInt64 = 0
        for lot in self.lots {
            let orders = min(left, Self.ordersPerLot)
            let began = ContinuousClock.now
            let ledger = try self.open(path)
            let book = try self.sell(orders, of: lot, from: &count, in: ledger, pays: true)
            try self.archive(lot, ledger, book)
            left -= orders
            say(
                "lot \(lot): \(Output.number(orders)) orders sold and archived in \((ContinuousClock.now - began).components.seconds) s"
            )
        }
        let ledger = try self.open(path)
        let (old, new) = (self.live - self.live / 10, self.live / 10)
        let book = try self.sell(old, of: MeasuredUnit.lot, from: &count, in: ledger, pays: false)
        try ledger.takeSnapshot(of: book, as: book.incarnation)
        // Some came after the last snapshot.
        _ = try self.sell(new, of: MeasuredUnit.lot, from: &count, in: ledger, pays: false)
        return self.order(1, of: self.lots.first ?? MeasuredUnit.lot).id
    }

    private func open(_ path: String) throws -> UnitLedger {
        try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(1))
    }

    private func order(_ number: UInt64, of lot: LotID) -> Order {
        let mixed = HashIndex.mix(number)
        return Order(
            id: OrderID(high: mixed, low: number), buyer: BuyerID("buyer-\(number)")!, lot: lot, quantity: 1,
            buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: number << 4),
            deadline: Instant(microseconds: 4_000_000_000_000_000))
    }

    private func sell(
        _ orders: Int, of lot: LotID, from count: inout UInt64, in ledger: UnitLedger, pays: Bool
    ) throws -> UnitBook {
        var book = try ledger.recover()
        for start in stride(from: 0, to: orders, by: Self.ordersPerCommit) {
            let batch = (0..<min(Self.ordersPerCommit, orders - start)).map { _ in
                count += 1
                return self.order(count, of: lot)
            }
            var entries = batch.map { LedgerEntry.reserved($0) }
            if pays { entries += batch.map { .confirmed($0, payment: PaymentID("pay-\($0.id.low)")!) } }
            try ledger.commit(entries, as: book.incarnation)
            for entry in entries { book.apply(entry) }
        }
        return book
    }

    /// As a unit does it, step by step.
    private func archive(_ lot: LotID, _ ledger: UnitLedger, _ sold: UnitBook) throws {
        var book = sold
        let archived = try LotArchive.write(lot, of: book.orders, in: LotArchive.folder(of: ledger.path))
        try ledger.commit([.archived(archived)], as: book.incarnation)
        book.apply(.archived(archived))
        try ledger.takeSnapshot(of: book, as: book.incarnation)
        guard let position = try ledger.movableBefore,
            let end = try JournalArchive.copy(from: ledger.path, before: position)
        else { throw CommandError("nothing of lot \(lot) can be moved") }
        while try ledger.deleteMoved(upTo: end, as: book.incarnation) {}
    }
}
