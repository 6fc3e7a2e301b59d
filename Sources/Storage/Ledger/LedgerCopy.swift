import GRDB

/// A copy of a ledger, as an operator's backup makes it.
package enum LedgerCopy {
    /// Copies the ledger at `path`, which may be in use, to `target`, which must not exist.
    ///
    /// A unit that is started on an older copy is found out by the center: its quota is stranded, and it begins anew.
    package static func make(of path: String, at target: String) throws(StorageError) {
        let source = try DurableDatabase.openToRead(path)
        do { try source.backup(to: try DatabaseQueue(path: target)) } catch { throw StorageError(error, path: target) }
    }
}
