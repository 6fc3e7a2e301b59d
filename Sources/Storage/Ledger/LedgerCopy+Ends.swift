import Foundation
import GRDB
import PostgresClient
import TrancheCore

// The two ends of a copy, in whichever databases.

/// Reads the whole of a ledger for a copy.
struct LedgerReader {
    private enum Database {
        case file(DatabaseQueue, path: String)
        case postgres(PostgresConnection)
    }
    private let database: Database

    init(_ location: LedgerLocation) throws {
        switch location {
        case .file(let path): self.database = .file(try DurableDatabase.openToRead(path), path: path)
        case .postgres(let target):
            let connection = try PostgresConnection(target, application: "tranche-copy")
            guard try PostgresLedgerSchema.exists(connection) else {
                throw StorageError.corrupt(path: "\(target)", detail: "it has no ledger")
            }
            try connection.run(PostgresStatement("UPDATE identity SET barrier = barrier + 1"))
            self.database = .postgres(connection)
        }
    }

    func read<Value>(_ body: () throws -> Value) throws -> Value {
        switch self.database {
        case .file: try body()
        case .postgres(let connection): try PostgresJournal.read(connection, body)
        }
    }

    func forEachRow(_ body: (LedgerHead, UnsafeRawBufferPointer) throws -> Void) throws {
        switch self.database {
        case .file(let queue, let path):
            try queue.read { try LedgerReading.forEachRow($0, of: path, after: 0, body) }
        case .postgres(let connection): try PostgresJournal.forEachRow(connection, after: 0, body)
        }
    }

    func identity() throws -> PostgresJournal.Identity {
        switch self.database {
        case .file(let queue, let path):
            let row = try queue.read {
                try Row.fetchOne($0, sql: "SELECT unit, ledger, incarnation, generation, ceiling FROM identity")
            }
            guard let row else { throw StorageError.corrupt(path: path, detail: "it has no identity") }
            return PostgresJournal.Identity(
                unit: row[0], ledger: LedgerID(UInt64(bitPattern: row[1])),
                incarnation: UInt64(bitPattern: row[2]), generation: Generation(row[3]),
                ceiling: Stamp(rawValue: UInt64(bitPattern: row[4])))
        case .postgres(let connection):
            guard let identity = try PostgresJournal.identity(connection) else {
                throw StorageError.corrupt(path: "\(connection.target)", detail: "it has no identity")
            }
            return identity
        }
    }

    func accounts() throws -> [LedgerAudit.Account] {
        switch self.database {
        case .file(let queue, _): try queue.read { try LedgerReading.accounts($0) }
        case .postgres(let connection): try PostgresJournal.accounts(connection)
        }
    }

    func outbox() throws -> OutboxRows {
        switch self.database {
        case .file(let queue, _): try queue.read { try OutboxRows($0) }
        case .postgres(let connection): try OutboxRows(connection)
        }
    }
}

/// Writes the whole of a ledger, its identity last.
final class LedgerWriter {
    private static let rowsPerTransaction = 500

    private enum Database {
        case file(DatabaseQueue)
        case postgres(PostgresConnection)
    }
    private let database: Database
    private var rows: [(LedgerHead, [UInt8])] = []

    init(_ location: LedgerLocation) throws {
        switch location {
        case .file(let path):
            guard !FileManager.default.fileExists(atPath: path) else {
                throw StorageError.io(
                    path: path, detail: "the file exists: a ledger is copied to an empty location only")
            }
            self.database = .file(try DurableDatabase.open(path, migrator: LedgerSchema.migrator))
        case .postgres(let target):
            let connection = try PostgresConnection(target, application: "tranche-copy")
            try PostgresLedgerSchema.migrate(connection)
            let found = try connection.run(
                PostgresStatement("SELECT (SELECT count(*) FROM identity) + (SELECT count(*) FROM journal)"))
            guard found.integer(0, 0) == 0 else {
                throw StorageError.io(
                    path: "\(target)",
                    detail: "it has a ledger, or a part of one: drop the database or the schema first")
            }
            self.database = .postgres(connection)
        }
    }

    func add(_ head: LedgerHead, _ bytes: [UInt8]) throws {
        self.rows.append((head, bytes))
        if self.rows.count == Self.rowsPerTransaction { try self.flush() }
    }

    private func flush() throws {
        switch self.database {
        case .file(let queue):
            try queue.write { database in
                for (head, bytes) in self.rows {
                    try database.execute(
                        sql: "INSERT INTO journal VALUES (?, ?, ?)",
                        arguments: [Int64(bitPattern: head.position), Data(head.digest.bytes), Data(bytes)])
                }
            }
        case .postgres(let connection):
            _ = try connection.transact(
                self.rows.map { head, bytes in
                    PostgresStatement(
                        "INSERT INTO journal (position, digest, entries) VALUES ($1, $2, $3)",
                        [.integer(Int64(bitPattern: head.position)), .bytes(head.digest.bytes), .bytes(bytes)])
                })
        }
        self.rows.removeAll(keepingCapacity: true)
    }

    func end(
        _ identity: PostgresJournal.Identity, _ accounts: [LedgerAudit.Account], _ outbox: OutboxRows
    ) throws {
        try self.flush()
        let numbers = [
            identity.unit, Int64(bitPattern: identity.ledger.rawValue), Int64(bitPattern: identity.incarnation),
            Int64(identity.generation.rawValue), Int64(bitPattern: identity.ceiling.rawValue),
        ]
        let rows = accounts.map { account in
            let counters = account.counters
            return [
                Int64(account.lot.rawValue), Int64(account.generation.rawValue), Int64(counters.granted),
                Int64(counters.allocated), Int64(counters.returned), Int64(counters.sold), Int64(counters.cancelled),
            ]
        }
        let account = "INSERT INTO accounts (lot, generation, granted, allocated, returned, sold, cancelled) VALUES"
        let owner = "INSERT INTO identity (\"only\", unit, ledger, incarnation, generation, ceiling) VALUES"
        switch self.database {
        case .file(let queue):
            try queue.write { database in
                for row in rows {
                    try database.execute(sql: account + " (?, ?, ?, ?, ?, ?, ?)", arguments: StatementArguments(row))
                }
                try outbox.write(database)
                try database.execute(sql: owner + " (1, ?, ?, ?, ?, ?)", arguments: StatementArguments(numbers))
            }
        case .postgres(let connection):
            let statements = rows.map {
                PostgresStatement(account + " ($1, $2, $3, $4, $5, $6, $7)", $0.map { .integer($0) })
            }
            let last = PostgresStatement(owner + " (1, $1, $2, $3, $4, $5)", numbers.map { .integer($0) })
            _ = try connection.transact(statements + outbox.statements + [last])
        }
    }
}
