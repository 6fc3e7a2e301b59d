import Foundation
import GRDB
import LedgerRows
package import Threads
package import TrancheCore

/// A unit's ledger on disk, which decides what was sold.
///
/// One process writes it, from the thread that owns it. Every ``commit(_:as:)`` is one transaction with one fsync: when
/// the call returns, either all of it is on disk or nothing. A constraint of the database enforces I2, and
/// ``BuyerGuard`` enforces the per-buyer limit, independently of the code above.
package final class UnitLedger {
    package let owner = ThreadOwner("the ledger")
    package let path: String
    package let id: LedgerID
    package let unit: UnitID
    /// The last position of the ledger, and its digest.
    package var head: LedgerHead { self.end.head }
    let queue: DatabaseQueue
    private let identity: FileIdentity?
    var end: LedgerEnd
    /// The position of the snapshot that a start would read; 0 for none.
    var snapshotPosition: UInt64 = 0
    var snapshot: SnapshotUnderway?
    /// A lot was archived after the snapshot: until the next one, a start would read its orders once more.
    var wantsSnapshot = false
    /// Whether any lot was archived.
    var hasArchives = false
    /// Entries that the last ``recover()`` replayed: those behind the snapshot.
    package private(set) var replayedEntries = 0
    var statements: Statements?
    /// `nil` until the journal has been read.
    var buyers: BuyerGuard?
    private var plan = CommitPlan()

    struct Statements {
        /// By the number of the column, see ``CommitPlan/Column``.
        let changes: [RawStatement]
        let insertRow, overwriteRow, ceiling, account: RawStatement
    }

    /// Opens the ledger of `unit`, or creates it.
    ///
    /// - Parameter newID: The identity of the ledger, if it is new.
    /// - Throws: ``StorageError`` if the ledger is damaged, in use, or of another unit.
    package init(path: String, unit: UnitID, newID: LedgerID) throws(StorageError) {
        self.path = path
        self.unit = unit
        self.queue = try DurableDatabase.open(path, migrator: LedgerSchema.migrator)
        do {
            let found = try self.queue.write { database -> (LedgerID, UInt16, LedgerEnd) in
                if try Row.fetchOne(database, sql: "SELECT 1 FROM identity") == nil {
                    try database.execute(
                        sql:
                            "INSERT INTO identity (only, unit, ledger, incarnation, generation) VALUES (1, ?, ?, 0, 1)",
                        arguments: [unit.rawValue, Int64(bitPattern: newID.rawValue)])
                }
                let row = try Row.fetchOne(database, sql: "SELECT unit, ledger, generation FROM identity")!
                return (
                    LedgerID(UInt64(bitPattern: row[1])), row[0],
                    try LedgerReading.end(database, generation: Generation(row[2]))
                )
            }
            guard found.1 == unit.rawValue else {
                throw StorageError.wrongOwner(path: path, expected: "unit \(unit)", found: "unit \(found.1)")
            }
            (self.id, self.end) = (found.0, found.2)
            self.identity = FileIdentity(path)
        } catch { throw StorageError(error, path: path) }
    }

    /// The book that results from all entries of the ledger: by a snapshot, and the entries that came after it.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the entries and the hash chain do not agree.
    package func recover() throws(StorageError) -> UnitBook {
        self.owner.check()
        var book = UnitBook()
        var buyers = BuyerGuard()
        var ceiling = Stamp.zero
        (self.replayedEntries, self.snapshot, self.snapshotPosition, self.wantsSnapshot) = (0, nil, 0, false)
        do {
            try self.queue.read { database in
                let snapshot = try LedgerSnapshot.read(database)
                if let snapshot {
                    book = UnitBook(snapshot.parts)
                    self.snapshotPosition = snapshot.head.position
                    for order in book.orders where order.state.isLive { try self.guardBuyer(.reserved(order), &buyers) }
                    buyers.keepChanges()
                }
                try LedgerReading.book(database, of: self.path, after: snapshot?.head ?? .empty) { entry in
                    self.replayedEntries += 1
                    if case .archived = entry { self.wantsSnapshot = true }
                    book.apply(entry)
                    try self.guardBuyer(entry, &buyers)
                    buyers.keepChanges()
                }
                ceiling = try LedgerReading.ceiling(database)
            }
        } catch { throw StorageError(error, path: self.path) }
        self.buyers = buyers
        self.hasArchives = !book.archived.isEmpty
        self.end.ceiling = ceiling > book.ceiling ? ceiling : nil
        book.apply(.ceiling(ceiling))
        return book
    }

    /// Writes room for the commits to come, so that none of them waits for the file to grow. Takes about 0.1 s.
    ///
    /// - Throws: ``StorageError``, for example if the disk is full. The ledger can be used nevertheless.
    package func reserveLog() throws(StorageError) {
        self.owner.check()
        try LogReserve.fill(database: self.path)
    }

    /// Limits the file to `pages`, as a full disk would, for tests.
    package func limitPagesForTest(_ pages: Int) throws {
        try self.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
    }

    /// The digest at a position where a commit ended; `nil` for any other position, and for a heartbeat that more than
    /// ``HeartbeatRow/headsLimit`` others have replaced.
    package func head(at position: UInt64) throws(StorageError) -> LedgerHead? {
        self.owner.check()
        if position == 0 { return .empty }
        do {
            let found = try self.queue.read { database -> (LedgerHead?, isArchived: Bool) in
                let first = try LedgerReading.firstPosition(database) ?? 0
                return (try LedgerReading.head(database, at: position), position < first)
            }
            guard found.isArchived else { return found.0 }
            return try JournalArchive.read(of: self.path) { try LedgerReading.head($0, at: position) }
        } catch {
            throw StorageError(error, path: self.path)
        }
    }

    /// Makes `entries` durable in one transaction, unless a newer incarnation owns the ledger.
    ///
    /// - Throws: ``StorageError``: the ledger is unchanged, and the caller's state is ahead of it.
    ///   ``StorageError/vanished(path:)`` if the file was deleted or replaced: the appended entries are lost.
    package func commit(_ entries: [LedgerEntry], as incarnation: Incarnation) throws(StorageError) {
        self.owner.check()
        guard !entries.isEmpty else { return }
        if self.buyers == nil { _ = try self.recover() }
        do {
            try self.queue.writeWithoutTransaction { database in
                if self.statements == nil { self.statements = try Self.prepare(database) }
                try database.inTransaction(.immediate) {
                    try self.claim(database, incarnation)
                    do throws(BuyerGuard.Violation) {
                        try self.plan.compose(entries, after: self.end, &self.buyers!)
                    } catch { throw error.error(in: self.path) }
                    try self.execute(database, self.statements!)
                    return .commit
                }
            }
            // Checked after the commit: every answer that follows was written to a file that still exists.
            if let identity, FileIdentity(self.path) != identity { throw StorageError.vanished(path: self.path) }
            self.end = self.plan.end
            if !self.plan.archived.isEmpty { (self.wantsSnapshot, self.hasArchives) = (true, true) }
            self.buyers?.keepChanges()
        } catch {
            self.buyers?.rollback()
            throw StorageError(error, path: self.path)
        }
    }

    func claim(_ database: Database, _ incarnation: Incarnation) throws {
        let mine = Int64(bitPattern: incarnation.rawValue)
        let current = try Int64.fetchOne(database, sql: "SELECT incarnation FROM identity") ?? 0
        guard current <= mine else {
            throw StorageError.superseded(path: self.path, current: UInt64(bitPattern: current))
        }
        if current < mine { try database.execute(sql: "UPDATE identity SET incarnation = ?", arguments: [mine]) }
    }

    /// Executes the statements of the plan, in the caller's transaction.
    private func execute(_ database: Database, _ statements: Statements) throws {
        if let generation = self.plan.generation {
            try database.execute(sql: "UPDATE identity SET generation = ?", arguments: [generation.rawValue])
        }
        if self.plan.resetsCeiling { try database.execute(sql: "UPDATE identity SET ceiling = 0") }
        for change in self.plan.changes { try self.execute(change, statements) }
        let statement: RawStatement
        switch self.plan.row {
        case .none:
            statements.ceiling.bind(1, (self.plan.end.ceiling?.rawValue).map { Int64(bitPattern: $0) })
            return try statements.ceiling.execute()
        case .insert: statement = statements.insertRow
        case .overwrite(let position):
            statement = statements.overwriteRow
            statement.bind(4, Int64(position))
        }
        let head = self.plan.end.head
        statement.bind(1, Int64(head.position))
        statement.bind(2, OrderID(high: head.digest.high, low: head.digest.low))
        try statement.execute(blob: self.plan.bytes, at: 3)
    }

    private static func prepare(_ database: Database) throws -> Statements {
        let changes = try CommitPlan.Column.allCases.map { column in
            let value =
                switch column {
                case .granted: "granted = max(granted, ?1)"
                case .allocated: "allocated = allocated + ?1"
                case .returned: "returned = max(returned, ?1)"
                case .sold: "sold = sold + ?1"
                case .cancelled: "cancelled = cancelled + ?1"
                }
            return try RawStatement(database, "UPDATE accounts SET \(value) WHERE lot = ?2 AND generation = ?3")
        }
        return Statements(
            changes: changes, insertRow: try RawStatement(database, "INSERT INTO journal VALUES (?, ?, ?)"),
            overwriteRow: try RawStatement(
                database, "UPDATE journal SET position = ?1, digest = ?2, entries = ?3 WHERE position = ?4"),
            ceiling: try RawStatement(database, "UPDATE identity SET ceiling = ?1"),
            account: try RawStatement(database, "INSERT OR IGNORE INTO accounts (lot, generation) VALUES (?1, ?2)"))
    }
}
