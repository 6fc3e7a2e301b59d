import GRDB
import PostgresClient
package import TrancheCore

/// The contents of a ledger on disk, for verification.
package struct LedgerAudit: Sendable {
    package struct Commit: Sendable {
        /// `nil` if an entry of the commit cannot be read.
        package let entries: [LedgerEntry]?
        /// Whether the digest on disk matches the bytes on disk.
        package let isChained: Bool
        package let head: LedgerHead
        /// Heads of heartbeats that this one has replaced.
        package let replaced: [LedgerHead]

        /// Whether the ledger ended with this head at any time, as far as the commit knows.
        package func proves(_ head: LedgerHead) -> Bool { self.head == head || self.replaced.contains(head) }
    }
    package struct Account: Hashable, Sendable {
        package let lot: LotID
        package let generation: Generation
        package let counters: QuotaCounters
    }
    /// What messages call the ledger: a file, or servers and a database.
    package let path: String
    /// Where the orders of its settled lots are.
    package let archives: ArchiveLocation
    package let unit: UnitID
    package let ledger: LedgerID
    package let commits: [Commit]
    /// The accounts in the guarding table, to be compared with the journal.
    package let accounts: [Account]
    /// The snapshot from which a unit would start, to be compared with the journal.
    package let snapshot: LedgerSnapshot?

    /// - Parameter archives: The folder beside a ledger in PostgreSQL: it has lots that were archived while the ledger
    ///   was a file.
    /// - Throws: ``StorageError`` if there is no ledger.
    package init(_ location: LedgerLocation, archives: String = "") throws(StorageError) {
        switch location {
        case .file(let path): try self.init(path: path)
        case .postgres(let target): try self.init(target, archives: archives)
        }
    }

    /// Reads from the primary, behind a barrier: a standby may lack what was confirmed, and have what is going to be
    /// lost.
    private init(_ target: PostgresTarget, archives: String) throws(StorageError) {
        do {
            let connection = try PostgresConnection(target, application: "tranche-audit")
            guard try PostgresLedgerSchema.exists(connection) else {
                throw StorageError.corrupt(path: "\(target)", detail: "it has no ledger")
            }
            try connection.run(PostgresStatement("UPDATE identity SET barrier = barrier + 1"))
            self = try PostgresJournal.read(connection) { try LedgerAudit(connection, archives: archives) }
        } catch { throw StorageError(error, path: "\(target)") }
    }

    private init(_ connection: PostgresConnection, archives: String) throws {
        let location = "\(connection.target)"
        guard let identity = try PostgresJournal.identity(connection), let unit = UInt16(exactly: identity.unit) else {
            throw StorageError.corrupt(path: location, detail: "it has no identity")
        }
        (self.path, self.unit, self.ledger) = (location, UnitID(unit), identity.ledger)
        self.archives = ArchiveLocation(reading: connection.target, folder: archives)
        var commits: [Commit] = []
        try PostgresJournal.forEachCommit(connection) { commits.append($0) }
        self.commits = commits
        self.snapshot = try PostgresJournal.snapshot(connection)
        self.accounts = try PostgresJournal.accounts(connection)
    }

    /// - Throws: ``StorageError`` if the file is not a ledger.
    package init(path: String) throws(StorageError) {
        let queue = try DurableDatabase.openToRead(path)
        do {
            self = try queue.read { database in
                guard let identity = try Row.fetchOne(database, sql: "SELECT unit, ledger FROM identity") else {
                    throw StorageError.corrupt(path: path, detail: "it has no identity")
                }
                return try LedgerAudit(
                    database, path: path, unit: UnitID(identity[0]), ledger: LedgerID(UInt64(bitPattern: identity[1])))
            }
        } catch { throw StorageError(error, path: path) }
    }

    private init(_ database: Database, path: String, unit: UnitID, ledger: LedgerID) throws {
        (self.path, self.archives) = (path, .folder(JournalArchive.folder(of: path)))
        self.unit = unit
        self.ledger = ledger
        var commits: [Commit] = []
        try LedgerReading.forEachCommit(database, of: path) { commits.append($0) }
        self.commits = commits
        self.snapshot = try LedgerSnapshot.read(database)
        self.accounts = try LedgerReading.accounts(database)
    }
}
