import DaemonSupport
import Foundation
import Logging
import Storage
import TrancheCore

// What the engine does for its ledger when no request waits: snapshots, and a shorter journal.

extension Engine {
    /// Commits that one step deletes: some hundred pages.
    private static let deletedRows = 200

    /// Each step is a commit of half a megabyte at most. A step that fails costs a later start some time, and nothing else.
    func keepLedger() {
        do throws(StorageError) {
            try self.stepUpkeep()
        } catch {
            self.parts.logger.warning("no snapshot of the ledger: \(error)")
            self.parts.telemetry.count("tranche_snapshot_failures_total", "Snapshots of the ledger that failed.")
            self.parts.archive.moved()
        }
    }

    private func stepUpkeep() throws(StorageError) {
        let (ledger, archive, incarnation) = (self.parts.ledger, self.parts.archive, self.machine.book.incarnation)
        if try ledger.continueSnapshot(of: self.machine.book, as: incarnation) { return }
        if let end = archive.copiedTo {
            if try !ledger.deleteMoved(upTo: end, rows: Self.deletedRows, as: incarnation) { archive.moved() }
        } else if let position = try ledger.movableBefore {
            archive.copyJournal(before: position)
        }
    }

    /// An event about an order that is not in the book, with the order from an archive. On this thread: between a look-up
    /// elsewhere and this moment, the order could have left the book.
    ///
    /// - Returns: `nil` if an archive cannot be read now: the caller was told to ask again.
    func recalled(_ event: UnitMachine.Event) -> UnitMachine.Event? {
        guard !self.parts.intake.archive.isEmpty else { return event }
        switch event {
        case .payment(let notice, let ticket):
            return self.recall(notice.order, ticket, event) { .archivedPayment($0, notice, ticket: ticket) }
        case .cancel(let id, let ticket):
            return self.recall(id, ticket, event) { .archivedCancel($0, ticket: ticket) }
        default: return event
        }
    }

    private func recall(
        _ id: OrderID, _ ticket: UInt64, _ event: UnitMachine.Event,
        _ archived: (StoredOrder) -> UnitMachine.Event
    ) -> UnitMachine.Event? {
        guard self.machine.book.orders.state(of: id) == nil else { return event }
        switch self.parts.intake.archive.order(id, second: nil) {
        case .order(let stored): return archived(stored)
        case .unknown: return event
        case .unreadable, .overloaded:
            self.parts.waiters.route([(ticket, .refused(.recovering))])
            return nil
        }
    }
}
