package import Threads
package import TrancheCore

/// A unit's ledger, in whichever database: it decides what was sold.
///
/// One process writes it, from one thread at a time. Only ``commit(_:as:)`` is called while buyers wait, so only it
/// must be fast. After a commit that failed, the caller drops what it has in memory and goes on with ``recover()``:
/// until then the ledger takes no more entries if it does not know whether the last ones are kept.
package protocol LedgerStore: AnyObject {
    var owner: ThreadOwner { get }
    /// What messages call the ledger: a file, or servers and a database; without a password.
    var location: String { get }
    var id: LedgerID { get }
    var unit: UnitID { get }
    /// The last position that is durable, and its digest.
    var head: LedgerHead { get }

    /// Entries that the last ``recover()`` replayed: those behind the snapshot.
    var replayedEntries: Int { get }

    /// The book that results from all entries of the ledger.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the entries and the hash chain do not agree,
    ///   ``StorageError/diverged(path:detail:)`` if the database lacks what this process has made durable.
    func recover() throws(StorageError) -> UnitBook

    /// Makes `entries` durable in one transaction, unless a newer incarnation owns the ledger.
    ///
    /// - Throws: ``StorageError``: the caller's state is ahead of the ledger, or nobody knows whether it is.
    func commit(_ entries: [LedgerEntry], as incarnation: Incarnation) throws(StorageError)

    /// The digest at a position where a commit ended; `nil` for any other position, and for a heartbeat that many
    /// others have replaced.
    ///
    /// - Throws: ``StorageError`` if it cannot be read now. This is no proof that the ledger lacks the position.
    func head(at position: UInt64) throws(StorageError) -> LedgerHead?

    /// Writes ahead what makes the commits to come faster, if the database has such a thing. The ledger can be used
    /// nevertheless if it fails.
    func reserveLog() throws(StorageError)

    /// Goes on with a snapshot of the book, one piece with each call, if one is under way or due.
    ///
    /// - Parameter book: The fold of the ledger as it is now.
    /// - Returns: Whether there is more to write.
    func continueSnapshot(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) -> Bool

    /// Writes a whole snapshot at once.
    func takeSnapshot(of book: UnitBook, as incarnation: Incarnation) throws(StorageError)

    /// Where the orders of settled lots go.
    ///
    /// - Parameter folder: The folder for files beside the ledger.
    func archives(in folder: String) -> ArchiveLocation

    /// The position before which commits may go to a file; `nil` if there are none, or if the journal keeps all of
    /// them.
    var movableBefore: UInt64? { get throws(StorageError) }

    /// Deletes commits that the archive has, some with each call.
    ///
    /// - Returns: Whether there are more.
    func deleteMoved(upTo end: LedgerHead, rows: Int, as incarnation: Incarnation) throws(StorageError) -> Bool

    /// The ledger as an outbox, over a connection of its own.
    func openOutbox() throws(StorageError) -> any OutboxStore
}

extension UnitLedger: LedgerStore {
    package var location: String { self.path }
    package func archives(in folder: String) -> ArchiveLocation { .folder(folder) }
    package func openOutbox() throws(StorageError) -> any OutboxStore { try OutboxFile(path: self.path) }
}
