import Foundation
import GRDB
import PostgresClient

/// All that a ledger's database knows of its consumers, to be copied into another one.
struct OutboxRows {
    struct Cursor {
        static let columns =
            "incarnation, position, generation, disabled, replay_position, replay_generation, replay_end"
        static let count = 7
        let consumer: String
        let numbers: [Int64?]
    }
    struct Letter {
        static let columns = "position, place, generation, kind, tries, due, is_dead"
        static let count = 7
        let consumer: String
        let numbers: [Int64?]
        let entry: [UInt8]
        let reason: String
    }
    private(set) var cursors: [Cursor] = []
    private(set) var letters: [Letter] = []

    /// A ledger of an earlier version has none.
    init(_ database: Database) throws {
        guard try database.tableExists("outbox_cursors") else { return }
        self.cursors = try Row.fetchAll(database, sql: "SELECT consumer, \(Cursor.columns) FROM outbox_cursors").map {
            row in Cursor(consumer: row[0], numbers: (1...Cursor.count).map { row[$0] })
        }
        self.letters = try Row.fetchAll(
            database, sql: "SELECT consumer, entry, reason, \(Letter.columns) FROM outbox_letters"
        ).map { row in
            Letter(
                consumer: row[0], numbers: (3..<3 + Letter.count).map { row[$0] }, entry: Array(row[1] as Data),
                reason: row[2])
        }
    }

    init(_ connection: PostgresConnection) throws {
        let table = PostgresStatement("SELECT to_regclass('outbox_cursors') IS NOT NULL")
        guard try connection.run(table).integer(0, 0) == 1 else { return }
        let cursors = try connection.run(PostgresStatement("SELECT consumer, \(Cursor.columns) FROM outbox_cursors"))
        self.cursors = (0..<cursors.count).map { row in
            Cursor(
                consumer: cursors.text(row, 0) ?? "", numbers: (1...Cursor.count).map { cursors.integer(row, $0) })
        }
        let letters = try connection.run(
            PostgresStatement("SELECT consumer, entry, reason, \(Letter.columns) FROM outbox_letters"))
        self.letters = (0..<letters.count).map { row in
            Letter(
                consumer: letters.text(row, 0) ?? "",
                numbers: (3..<3 + Letter.count).map { letters.integer(row, $0) }, entry: letters.bytes(row, 1) ?? [],
                reason: letters.text(row, 2) ?? "")
        }
    }

    func write(_ database: Database) throws {
        for one in self.cursors {
            try database.execute(
                sql: "INSERT INTO outbox_cursors (consumer, \(Cursor.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [one.consumer] + StatementArguments(one.numbers))
        }
        for one in self.letters {
            try database.execute(
                sql: "INSERT INTO outbox_letters (consumer, entry, reason, \(Letter.columns)) "
                    + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [one.consumer, Data(one.entry), one.reason] + StatementArguments(one.numbers))
        }
    }

    var statements: [PostgresStatement] {
        func values(_ numbers: [Int64?]) -> [PostgresValue] { numbers.map { $0.map { .integer($0) } ?? .null } }
        return self.cursors.map { one in
            PostgresStatement(
                "INSERT INTO outbox_cursors (consumer, \(Cursor.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                [.text(one.consumer)] + values(one.numbers))
        }
            + self.letters.map { one in
                PostgresStatement(
                    "INSERT INTO outbox_letters (consumer, entry, reason, \(Letter.columns)) "
                        + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    [.text(one.consumer), .bytes(one.entry), .text(one.reason)] + values(one.numbers))
            }
    }
}
