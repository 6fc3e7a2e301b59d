import GRDB
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
    package let path: String
    package let unit: UnitID
    package let ledger: LedgerID
    package let commits: [Commit]
    /// The accounts in the guarding table, to be compared with the journal.
    package let accounts: [Account]
    /// The snapshot from which a unit would start, to be compared with the journal.
    package let snapshot: LedgerSnapshot?

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
        self.path = path
        self.unit = unit
        self.ledger = ledger
        var commits: [Commit] = []
        try LedgerReading.forEachCommit(database, of: path) { commits.append($0) }
        self.commits = commits
        self.snapshot = try LedgerSnapshot.read(database)
        self.accounts = try Row.fetchAll(
            database,
            sql:
                "SELECT lot, generation, granted, allocated, returned, sold, cancelled FROM accounts ORDER BY lot, generation"
        ).map { row in
            Account(
                lot: LotID(row[0]), generation: Generation(row[1]),
                counters: QuotaCounters(
                    granted: row[2], allocated: row[3], returned: row[4], sold: row[5], cancelled: row[6]))
        }
    }
}
