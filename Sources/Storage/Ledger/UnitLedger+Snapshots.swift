import GRDB
import Threads
package import TrancheCore

// How a ledger keeps a snapshot of its book.

extension UnitLedger {
    /// Goes on with a snapshot of the book, one piece with each call, if one is under way or due. The pieces of one snapshot
    /// are of one moment: that of the first call.
    ///
    /// - Parameter book: The fold of the ledger as it is now.
    /// - Returns: Whether there is more to write.
    /// - Throws: ``StorageError``: the snapshot is given up, and nothing else has changed.
    package func continueSnapshot(
        of book: UnitBook, as incarnation: Incarnation
    ) throws(StorageError) -> Bool {
        guard self.snapshot != nil || self.isSnapshotDue(orders: book.orders.count) else { return false }
        return try self.writePiece(of: book, as: incarnation)
    }

    /// Writes a whole snapshot at once.
    package func takeSnapshot(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) {
        self.snapshot = nil
        while try self.writePiece(of: book, as: incarnation) {}
    }

    func isSnapshotDue(orders: Int) -> Bool {
        self.wantsSnapshot
            || LedgerSnapshot.isDue(entries: self.end.kept.position - self.snapshotPosition, orders: orders)
    }

    private func writePiece(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) -> Bool {
        self.owner.check()
        do {
            var underway: SnapshotUnderway?
            var isOver = false
            try self.queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    try self.claim(database, incarnation)
                    let last = try Int64.fetchOne(database, sql: "SELECT max(place) FROM snapshot_pieces") ?? 0
                    var next = self.snapshot ?? SnapshotUnderway(of: book, at: self.end.kept, behind: last)
                    let write = next.next()
                    try write.write(database)
                    (underway, isOver) = (next, write.isEnd)
                    return .commit
                }
            }
            if isOver { (self.snapshotPosition, self.wantsSnapshot) = (underway!.head.position, false) }
            self.snapshot = isOver ? nil : underway
            return !isOver
        } catch {
            // The next attempt is not before as many entries again: a disk that is full stays so for a while.
            self.snapshot = nil
            (self.snapshotPosition, self.wantsSnapshot) = (self.end.kept.position, false)
            throw StorageError(error, path: self.path)
        }
    }
}
