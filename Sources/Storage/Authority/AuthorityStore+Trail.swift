import Foundation
import GRDB
package import TrancheCore

// The audit trail: lines in a chain, and the head beside them.

extension AuthorityStore {
    package func append(_ note: AuditNote, as epoch: Epoch) throws(StorageError) {
        try self.write(as: epoch) { try Self.keep(note, $0) }
    }

    package func auditTrail(limit: Int = 200) throws(StorageError) -> [AuditLine] {
        try self.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM trail ORDER BY position DESC LIMIT ?", arguments: [limit])
                .map(Self.line)
        }
    }

    package func auditPage(after position: Int64) throws(StorageError) -> AuditPage {
        try self.read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM trail WHERE position > ? ORDER BY position LIMIT ?",
                arguments: [position, AuditPage.limit])
            return AuditPage(head: try Self.trailHead(database), lines: try rows.map(Self.line))
        }
    }

    static func keep(_ note: AuditNote, _ database: Database) throws {
        let head = try Self.trailHead(database)
        let line = AuditLine(note, position: head.position + 1, after: head.digest)
        try database.execute(
            sql: "INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                line.position, line.at.microseconds, line.actor, line.action, line.sale, line.detail, line.before,
                line.after, line.key, line.digest.description,
            ])
        try database.execute(
            sql: "UPDATE trail_head SET position = ?, digest = ?",
            arguments: [line.position, line.digest.description])
    }

    static func trailHead(_ database: Database) throws -> AuditHead {
        guard let row = try Row.fetchOne(database, sql: "SELECT position, digest FROM trail_head"),
            let (high, low) = Hex.pair(row[1] as String)
        else { throw Self.unreadable("the head of the audit trail") }
        return AuditHead(position: row[0], digest: ChainDigest(high: high, low: low))
    }

    private static func line(_ row: Row) throws -> AuditLine {
        // A digest that is none is no reason to hide the line: it is found to be changed.
        let (high, low) = Hex.pair(row[9] as String) ?? (0, 0)
        return AuditLine(
            position: row[0], at: Instant(microseconds: row[1]), actor: row[2], action: row[3], sale: row[4],
            detail: row[5], before: row[6], after: row[7], key: row[8], digest: ChainDigest(high: high, low: low))
    }

    private static func unreadable(_ what: String) -> DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "\(what) cannot be read")
    }

    /// Lines of earlier versions begin the chain as they are now.
    static func chainTrail(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE trail (
                    position INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
                    sale TEXT NOT NULL, detail TEXT NOT NULL, before_act TEXT NOT NULL, after_act TEXT NOT NULL,
                    key TEXT NOT NULL, digest TEXT NOT NULL
                );
                CREATE TABLE trail_head (
                    only INTEGER PRIMARY KEY CHECK (only = 1), position INTEGER NOT NULL, digest TEXT NOT NULL
                );
                """)
        try database.execute(
            sql: "INSERT INTO trail_head VALUES (1, 0, ?)", arguments: [AuditHead.empty.digest.description])
        for row in try Row.fetchAll(database, sql: "SELECT at, actor, action, detail FROM audit ORDER BY id") {
            let note = AuditNote(
                at: Instant(microseconds: row[0]), actor: row[1], action: row[2], detail: row[3])
            try Self.keep(note, database)
        }
        try database.execute(sql: "DROP TABLE audit")
    }
}
