import Foundation
import GRDB
package import TrancheCore

/// The center's file: the authority log, the last position seen of each unit's ledger, versions of the configuration,
/// and the audit trail.
///
/// Every write is one transaction with one fsync. It checks the epoch, so a center that was replaced can write nothing.
package final class AuthorityStore: AuthorityStorage {
    package let path: String
    private let queue: DatabaseQueue
    /// The identity of the opened file. Records written to a deleted or replaced file would be lost.
    private let identity: FileIdentity?
    /// A file has one process, which holds the lock of its folder.
    package var isShared: Bool { false }

    /// - Throws: ``StorageError`` if the file is damaged or in use.
    package init(path: String) throws(StorageError) {
        self.path = path
        self.queue = try DurableDatabase.open(path, migrator: Self.migrator)
        self.identity = FileIdentity(path)
        try self.checkStays()
    }

    /// Opens the file of a stopped center, for reading only.
    package init(reading path: String) throws(StorageError) {
        self.path = path
        self.queue = try DurableDatabase.openToRead(path)
        self.identity = nil
        try self.checkStays()
    }

    /// What was moved elsewhere has gone on there, and is old here.
    private func checkStays() throws(StorageError) {
        let isMoved: Bool
        do { isMoved = try Self.isMoved(self.queue) } catch { throw StorageError(error, path: self.path) }
        guard !isMoved else { throw .io(path: self.path, detail: Epoch.movedDetail) }
    }

    static func isMoved(_ queue: DatabaseQueue) throws -> Bool {
        try queue.read { try Int64.fetchOne($0, sql: "SELECT epoch FROM owner") } == Epoch.moved.signed
    }

    /// Saves the secret of a new sale, before its hash is published.
    package func append(secret: String, sale: String, as epoch: Epoch) throws(StorageError) {
        try self.write(as: epoch) { database in
            try database.execute(sql: "INSERT INTO secrets VALUES (?, ?)", arguments: [sale, secret])
        }
    }

    /// The secret whose hash was published with a sale.
    package func secret(sale: String, where isPublished: (String) -> Bool) throws(StorageError) -> String? {
        do {
            return try self.queue.read { database in
                try String.fetchAll(database, sql: "SELECT secret FROM secrets WHERE sale = ?", arguments: [sale])
            }.first(where: isPublished)
        } catch { throw StorageError(error, path: self.path) }
    }

    /// All records, the first one first. For a long log this takes gigabytes: see ``recover()``.
    package func log() throws(StorageError) -> [AuthorityRecord] {
        try self.read { database in
            var records: [AuthorityRecord] = []
            try Self.forEachRecord(database, after: 0) { records.append($0) }
            return records
        }
    }

    package func witnesses() throws(StorageError) -> [UnitID: LedgerHead] {
        do { return try self.queue.read { try Self.witnesses($0) } } catch {
            throw StorageError(error, path: self.path)
        }
    }

    /// Appends `records` and saves `witnesses` in one transaction, unless a newer epoch owns the file.
    ///
    /// - Returns: The position of the last record that was appended; `nil` if there was none.
    @discardableResult
    package func append(
        _ records: [AuthorityRecord], witnesses: [UnitID: LedgerHead?], acts: [OperatorAct], notes: [AuditNote],
        as epoch: Epoch
    ) throws(StorageError) -> Int64? {
        var position: Int64?
        try self.write(as: epoch) { database in
            for act in acts { try Self.keep(act, database) }
            for note in notes { try Self.keep(note, database) }
            for record in records {
                try database.execute(
                    sql: "INSERT INTO records (epoch, record) VALUES (?, ?)",
                    arguments: [Int64(epoch.rawValue), try JSONEncoder().encode(record)])
                position = database.lastInsertedRowID
            }
            for (unit, head) in witnesses {
                guard let head else {
                    try database.execute(sql: "DELETE FROM witnesses WHERE unit = ?", arguments: [unit.rawValue])
                    continue
                }
                try database.execute(
                    sql: "INSERT OR REPLACE INTO witnesses VALUES (?, ?, ?)",
                    arguments: [unit.rawValue, Int64(bitPattern: head.position), head.digest.description])
            }
        }
        return position
    }

    /// SQLite's answers are certain: a commit that failed changed nothing.
    package func settleDoubt(as epoch: Epoch) throws(StorageError) -> Bool { false }

    package func append(
        _ version: ConfigVersion, act: OperatorAct? = nil, note: AuditNote, as epoch: Epoch
    ) throws(StorageError) {
        try self.write(as: epoch) { database in
            if let act { try Self.keep(act, database) }
            try Self.keep(note, database)
            try database.execute(
                sql: "INSERT INTO configs VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    version.version, version.checksum, version.content, version.at.microseconds, version.actor,
                    version.note,
                ])
        }
    }

    package func configVersions(limit: Int = 100) throws(StorageError) -> [ConfigVersion] {
        do {
            return try self.queue.read { database in
                try Row.fetchAll(
                    database, sql: "SELECT * FROM configs ORDER BY version DESC LIMIT ?", arguments: [limit]
                ).map {
                    ConfigVersion(
                        version: $0[0], checksum: $0[1], content: $0[2], at: Instant(microseconds: $0[3]), actor: $0[4],
                        note: $0[5])
                }
            }
        } catch { throw StorageError(error, path: self.path) }
    }

    package func config(version: Int) throws(StorageError) -> ConfigVersion? {
        try self.configVersions(limit: Int(Int32.max)).first { $0.version == version }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(StorageError) -> Value {
        do { return try self.queue.read(body) } catch { throw StorageError(error, path: self.path) }
    }

    /// - Throws: ``StorageError/vanished(path:)`` if the file was deleted or replaced.
    package func checkPresence() throws(StorageError) {
        guard let identity, FileIdentity(self.path) != identity else { return }
        throw .vanished(path: self.path)
    }

    func write(as epoch: Epoch, _ body: (Database) throws -> Void) throws(StorageError) {
        try self.checkPresence()
        do {
            try self.queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    let current = try Int64.fetchOne(database, sql: "SELECT epoch FROM owner") ?? 0
                    guard current <= Int64(epoch.rawValue) else {
                        throw StorageError.superseded(path: self.path, current: UInt64(current))
                    }
                    if current < Int64(epoch.rawValue) {
                        try database.execute(sql: "UPDATE owner SET epoch = ?", arguments: [Int64(epoch.rawValue)])
                    }
                    try body(database)
                    return .commit
                }
            }
        } catch { throw StorageError(error, path: self.path) }
    }

    static func witnesses(_ database: Database) throws -> [UnitID: LedgerHead] {
        var heads: [UnitID: LedgerHead] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT unit, position, digest FROM witnesses") {
            guard let halves = Hex.pair(row[2] as String) else { continue }
            heads[UnitID(row[0])] = LedgerHead(
                position: UInt64(bitPattern: row[1] as Int64), digest: ChainDigest(high: halves.0, low: halves.1))
        }
        return heads
    }

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE owner (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL);
                    INSERT INTO owner VALUES (1, 0);
                    CREATE TABLE records (position INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, record BLOB NOT NULL);
                    CREATE TABLE snapshots (position INTEGER PRIMARY KEY, book BLOB NOT NULL);
                    CREATE TABLE witnesses (unit INTEGER PRIMARY KEY, position INTEGER NOT NULL, digest TEXT NOT NULL);
                    CREATE TABLE configs (
                        version INTEGER PRIMARY KEY, checksum TEXT NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL,
                        actor TEXT NOT NULL, note TEXT NOT NULL
                    );
                    CREATE TABLE audit (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
                        detail TEXT NOT NULL
                    );
                    """)
        }
        migrator.registerMigration("v2: secrets of sales") { database in
            // A saved secret whose hash was never published belongs to a creation that failed.
            try database.execute(sql: "CREATE TABLE secrets (sale TEXT NOT NULL, secret TEXT NOT NULL)")
        }
        migrator.registerMigration("v3: acts of operators") { database in
            try database.execute(
                sql:
                    "CREATE TABLE acts (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, what TEXT NOT NULL)"
            )
        }
        migrator.registerMigration("v4: verdicts beside the snapshot") { database in
            // Pieces of the lists of verdicts; all of a list but the last one are full and never change.
            try database.execute(
                sql: """
                    CREATE TABLE verdicts (
                        lot INTEGER NOT NULL, unit INTEGER NOT NULL, piece INTEGER NOT NULL, verdicts BLOB NOT NULL,
                        PRIMARY KEY (lot, unit, piece)
                    );
                    """)
        }
        migrator.registerMigration("v5: the audit trail is a chain", migrate: Self.chainTrail)
        migrator.registerMigration("v6: proposals of operators", migrate: Self.makeProposals)
        return migrator
    }
}
