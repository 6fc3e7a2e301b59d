import GRDB

/// Figures of a ledger that is in use, for measurements.
package enum LedgerFigures {
    /// Rows of the journal, and the position of its end.
    package static func journal(of path: String) throws(StorageError) -> (rows: Int, position: UInt64) {
        let queue = try DurableDatabase.openToRead(path)
        do {
            return try queue.read { database in
                let row = try Row.fetchOne(database, sql: "SELECT count(*), max(position) FROM journal")!
                return (row[0], UInt64(bitPattern: row[1] as Int64? ?? 0))
            }
        } catch { throw StorageError(error, path: path) }
    }
}
