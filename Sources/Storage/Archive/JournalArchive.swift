import Foundation
import GRDB
package import TrancheCore

/// The commits that have left a ledger's journal, unchanged and under the same digests, in a file beside it.
///
/// They are moved in two steps: copied and durable here, then deleted there. The journal's first row says how far the move
/// has come: what the file has from that row on does not count yet. The file and the journal together are the whole chain.
package enum JournalArchive {
    package static let rowsPerTransaction = 1_000

    /// The folder of the archives of the ledger at `path`. A ledger in a folder of lost ones has its unit's.
    package static func folder(of path: String) -> String {
        let near = LotArchive.folder(of: path)
        let parent = LotArchive.folder(of: (path as NSString).deletingLastPathComponent)
        let files = FileManager.default
        return !files.fileExists(atPath: near) && files.fileExists(atPath: parent) ? parent : near
    }

    static func path(of path: String) -> String { self.folder(of: path) + "/journal.sqlite" }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { database in
            try database.execute(
                sql:
                    "CREATE TABLE journal (position INTEGER PRIMARY KEY, digest BLOB NOT NULL, entries BLOB NOT NULL)")
        }
        return migrator
    }

    /// Copies the commits before `position` from a ledger that is in use. Repeated copies do no harm.
    ///
    /// - Returns: The last head in the file; `nil` if there is none.
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the file has commits of another history: they may be the only
    ///   copy of them.
    package static func copy(from ledger: String, before position: UInt64) throws(StorageError) -> LedgerHead? {
        let path = self.path(of: ledger)
        let source = try DurableDatabase.openToRead(ledger)
        do {
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let target = try DurableDatabase.open(path, migrator: self.migrator)
            while true {
                let last = try target.read { try self.last($0) }
                try self.check(last, of: source, path)
                let rows = try source.read { database in
                    try Row.fetchAll(
                        database,
                        sql: "SELECT position, digest, entries FROM journal WHERE position > ? AND position < ? "
                            + "ORDER BY position LIMIT ?",
                        arguments: [Int64(last?.position ?? 0), Int64(position), self.rowsPerTransaction])
                }
                guard let first = rows.first else { return last }
                let digest = try LedgerReading.head(first).digest
                let follows = (first[2] as Data).withUnsafeBytes {
                    HashChain.next(after: last?.digest ?? LedgerHead.empty.digest, $0)
                }
                guard follows == digest else {
                    throw StorageError.corrupt(path: path, detail: "the journal of \(ledger) does not follow it")
                }
                try target.write { database in
                    for row in rows {
                        try database.execute(
                            sql: "INSERT INTO journal VALUES (?, ?, ?)",
                            arguments: [row[0] as Int64, row[1] as Data, row[2] as Data])
                    }
                }
            }
        } catch { throw StorageError(error, path: path) }
    }

    /// The file may end within the journal, after a crash between the two steps; then the journal must have its last head.
    private static func check(_ last: LedgerHead?, of source: DatabaseQueue, _ path: String) throws {
        guard let last else { return }
        try source.read { database in
            let first = try LedgerReading.firstPosition(database)
            guard let first, last.position >= first, try LedgerReading.keptHead(database, at: last.position) != last
            else { return }
            throw StorageError.corrupt(
                path: path, detail: "it has commits of another history: move it away, and keep it")
        }
    }

    private static func last(_ database: Database) throws -> LedgerHead? {
        try Row.fetchOne(database, sql: "SELECT position, digest FROM journal ORDER BY position DESC LIMIT 1")
            .map(LedgerReading.head)
    }

    /// Calls `body` with the file, if there is one.
    static func read<Value>(of ledger: String, _ body: (Database) throws -> Value?) throws -> Value? {
        let path = self.path(of: ledger)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try DurableDatabase.openToRead(path).read(body)
    }
}
