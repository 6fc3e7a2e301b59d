import Foundation
import GRDB
import PostgresClient
import Storage
import TestSupport
import TrancheCore

/// The databases that a ledger can be in. What a ledger promises is tested with each of them.
enum LedgerEngine: String, CaseIterable, Sendable { case sqlite, postgres }

/// An empty location for one test's ledger, and ways to change it behind the ledger's back.
struct LedgerBox {
    let location: LedgerLocation
    /// What errors call the ledger.
    var name: String { "\(self.location)" }

    init(_ engine: LedgerEngine) throws {
        switch engine {
        case .sqlite: self.location = .file(try TemporaryFolder.make() + "/ledger.sqlite")
        case .postgres: self.location = .postgres(try PostgresTarget(try PrivatePostgres.newDatabase()))
        }
    }

    func open(unit: UInt16 = 1) throws -> any LedgerStore {
        switch self.location {
        case .file(let path): return try UnitLedger(path: path, unit: UnitID(unit), newID: LedgerID(77))
        case .postgres(let target):
            return try PostgresLedger(target, unit: UnitID(unit), newID: LedgerID(77), settings: Self.settings)
        }
    }

    private static var settings: PostgresLedger.Settings {
        var settings = PostgresLedger.Settings(allowsUnreplicated: true)
        (settings.limits.answerMilliseconds, settings.lookupMilliseconds) = (60_000, 60_000)
        return settings
    }

    func audit() throws -> LedgerAudit { try LedgerAudit(self.location) }

    /// A copy of the ledger as it is now, although it may be in use.
    func copy() throws -> LedgerBox {
        switch self.location {
        case .file: try self.copyInto(.sqlite)
        case .postgres: try self.copyInto(.postgres)
        }
    }

    func copyInto(_ engine: LedgerEngine) throws -> LedgerBox {
        let copy = try LedgerBox(engine)
        _ = try LedgerCopy.move(self.location, to: copy.location)
        return copy
    }

    func execute(_ sql: String) throws {
        switch self.location {
        case .file(let path): try DatabaseQueue(path: path).write { try $0.execute(sql: sql) }
        case .postgres:
            // Two words of SQLite's own language.
            let sql = sql.replacingOccurrences(of: "CAST(bytes || x'00' AS BLOB)", with: "bytes || '\\x00'::bytea")
                .replacingOccurrences(of: "zeroblob(16)", with: "decode(repeat('00', 16), 'hex')")
            try self.connection().run(script: sql)
        }
    }

    /// The integers of the first row.
    func integers(_ sql: String) throws -> [Int64] {
        switch self.location {
        case .file(let path):
            return try DatabaseQueue(path: path).read { database in
                let row = try Row.fetchOne(database, sql: sql)!
                return (0..<row.count).map { row[$0] }
            }
        case .postgres:
            let rows = try self.connection().run(PostgresStatement(sql))
            return (0..<rows.columns).map { rows.integer(0, $0) ?? -1 }
        }
    }

    func rows() throws -> Int { Int(try self.integers("SELECT count(*) FROM journal")[0]) }

    /// Changes bits of one byte of a row of the journal.
    func flip(_ mask: Int, at offset: Int, of position: Int) throws {
        switch self.location {
        case .file(let path):
            try DatabaseQueue(path: path).write { database in
                var bytes = try Data.fetchOne(
                    database, sql: "SELECT entries FROM journal WHERE position = ?", arguments: [position])!
                bytes[bytes.startIndex + offset] ^= UInt8(mask)
                try database.execute(
                    sql: "UPDATE journal SET entries = ? WHERE position = ?", arguments: [bytes, position])
            }
        case .postgres:
            try self.execute(
                "UPDATE journal SET entries = set_byte(entries, \(offset), get_byte(entries, \(offset)) # \(mask)) "
                    + "WHERE position = \(position)")
        }
    }

    /// Calls `body` while another writer has the ledger's database.
    func whileLocked(_ body: () throws -> Void) throws {
        switch self.location {
        case .file(let path):
            try DatabaseQueue(path: path).writeWithoutTransaction { database in
                try database.execute(sql: "BEGIN IMMEDIATE")
                try body()
                try database.execute(sql: "ROLLBACK")
            }
        case .postgres:
            let connection = try self.connection()
            try connection.run(script: "BEGIN; SELECT 1 FROM identity FOR UPDATE")
            try body()
            try connection.run(script: "ROLLBACK")
        }
    }

    private func connection() throws -> PostgresConnection {
        guard case .postgres(let target) = self.location else { throw CancellationError() }
        return try PostgresConnection(target, application: "test")
    }
}
