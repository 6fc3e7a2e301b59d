import GRDB
import Threads
package import TrancheCore

// How the journal becomes shorter after lots were archived.

extension UnitLedger {
    /// The position before which commits may go to the archive: a start does not need them. `nil` if there are none, or if
    /// no lot of this ledger was ever archived.
    package var movableBefore: UInt64? {
        get throws(StorageError) {
            guard self.hasArchives, self.snapshotPosition > 0, self.snapshot == nil else { return nil }
            do {
                let first = try self.queue.read { try LedgerReading.firstPosition($0) }
                return first.flatMap { $0 < self.snapshotPosition ? self.snapshotPosition : nil }
            } catch { throw StorageError(error, path: self.path) }
        }
    }

    /// Deletes commits that the archive has, some with each call.
    ///
    /// - Parameter end: The last head in the archive: the journal must have it, and a snapshot behind it.
    /// - Returns: Whether there are more.
    package func deleteMoved(
        upTo end: LedgerHead, rows: Int = JournalArchive.rowsPerTransaction, as incarnation: Incarnation
    ) throws(StorageError) -> Bool {
        self.owner.check()
        do {
            return try self.queue.writeWithoutTransaction { database in
                var isMore = false
                try database.inTransaction(.immediate) {
                    try self.claim(database, incarnation)
                    guard end.position < self.snapshotPosition,
                        try LedgerReading.keptHead(database, at: end.position) == end
                    else { return .rollback }
                    // The row of `end` goes last, with the others of its call: until then it proves where the archive ends.
                    try database.execute(
                        sql: "DELETE FROM journal WHERE position IN "
                            + "(SELECT position FROM journal WHERE position <= ? ORDER BY position LIMIT ?)",
                        arguments: [Int64(end.position), rows])
                    isMore = try LedgerReading.keptHead(database, at: end.position) != nil
                    return .commit
                }
                return isMore
            }
        } catch { throw StorageError(error, path: self.path) }
    }
}
