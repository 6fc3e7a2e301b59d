import GRDB

/// Copies a ledger, as an operator's backup does.
package enum LedgerCopy {
    /// Copies the ledger at `path`, which may be in use, to `target`, which must not exist.
    ///
    /// The center detects a unit that starts on an older copy: its quota is stranded, and the unit starts a new
    /// generation.
    package static func make(of path: String, at target: String) throws(StorageError) {
        let source = try DurableDatabase.openToRead(path)
        do { try source.backup(to: try DatabaseQueue(path: target)) } catch { throw StorageError(error, path: target) }
    }
}
