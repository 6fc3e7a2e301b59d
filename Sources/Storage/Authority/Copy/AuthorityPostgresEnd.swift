import Foundation
import PostgresClient
import TrancheCore

/// The database of centers, as one end of a copy.
final class AuthorityPostgresEnd: AuthorityCopyEnd {
    private static let rowsPerPage: Int64 = 200
    private static let rowsPerStatement = 100
    private static let bytesPerStatement = 4 << 20

    let path: String
    private let connection: PostgresConnection
    /// The owner's row as it was when everything was read.
    private var seen: Owner?

    /// Makes the tables that are missing, as a center does.
    init(_ target: PostgresTarget, allowsUnreplicated: Bool) throws {
        var limits = PostgresConnection.Limits()
        limits.answerMilliseconds = 60_000  // A snapshot of a long contest has a hundred megabytes.
        self.path = "\(target)"
        self.connection = try PostgresConnection(target, application: "tranche-copy", limits: limits)
        try self.connection.checkDurability(allowsUnreplicated: allowsUnreplicated, permission: "--unreplicated")
        try AuthoritySchema.create(self.connection)
    }

    func isEmpty() throws -> Bool {
        let tables = AuthorityTable.allCases.map { "NOT EXISTS (SELECT 1 FROM authority.\($0.rawValue))" }
        let epochs = "(SELECT epoch FROM authority.owner) = 0 AND (SELECT epoch FROM authority.lease) = 0"
        let all = (tables + [epochs]).joined(separator: " AND ")
        return try self.connection.run(PostgresStatement("SELECT \(all)")).integer(0, 0) == 1
    }

    /// A center that was stopped has given the lease back. One that was lost has not, and its row stands still.
    func checkIdle() throws {
        let row = try PostgresAuthority.row(self.connection)
        guard !row.holder.isEmpty else { return }
        Thread.sleep(forTimeInterval: Double(CenterLease.silenceMilliseconds) / 1_000)
        guard try PostgresAuthority.row(self.connection) == row else { throw StorageError.inUse(path: self.path) }
    }

    /// Behind a commit that means nothing: when it is confirmed, so is everything that is read.
    func read<Value>(_ body: () throws -> Value) throws -> Value {
        _ = try self.connection.transact([PostgresStatement("UPDATE authority.owner SET turn = turn")])
        return try PostgresJournal.read(self.connection, body)
    }

    private struct Owner {
        let epoch: Epoch
        let turn: Int64
        let end: LogEnd
    }

    private func owner() throws -> Owner {
        let rows = try self.connection.run(
            PostgresStatement("SELECT epoch, turn, position, digest FROM authority.owner"))
        guard rows.count == 1, let epoch = rows.integer(0, 0), let turn = rows.integer(0, 1),
            let position = rows.integer(0, 2), let (high, low) = rows.text(0, 3).flatMap({ Hex.pair($0) })
        else { throw StorageError.corrupt(path: self.path, detail: "the end of the authority log cannot be read") }
        return Owner(
            epoch: Epoch(UInt64(bitPattern: epoch)), turn: turn,
            end: LogEnd(position: position, digest: ChainDigest(high: high, low: low)))
    }

    func epoch() throws -> Epoch {
        let owner = try self.owner()
        self.seen = owner
        return owner.epoch
    }

    func keptEnd() throws -> LogEnd? { try self.owner().end }

    func trailHead() throws -> AuditHead {
        let rows = try self.connection.run(PostgresStatement("SELECT position, digest FROM authority.trail_head"))
        guard rows.count == 1, let position = rows.integer(0, 0),
            let (high, low) = rows.text(0, 1).flatMap({ Hex.pair($0) })
        else { throw StorageError.corrupt(path: self.path, detail: "the head of the audit trail cannot be read") }
        return AuditHead(position: position, digest: ChainDigest(high: high, low: low))
    }

    func forEachRow(of table: AuthorityTable, _ body: ([PostgresValue]) throws -> Void) throws {
        let columns = table.columns + (table == .records ? [AuthorityTable.Column("digest", .text)] : [])
        let names = (columns + table.key).map(\.name).joined(separator: ", ")
        // SQLite compares the bytes of texts, whatever the language of the server is.
        let key = table.key.map { $0.kind == .text ? "\($0.name) COLLATE \"C\"" : $0.name }.joined(separator: ", ")
        let marks = table.key.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        let page = "SELECT \(names) FROM authority.\(table.rawValue) WHERE (\(key)) > (\(marks)) ORDER BY \(key) "
        var last = table.key.map { $0.kind == .text ? PostgresValue.text("") : .integer(.min) }
        while true {
            let rows = try self.connection.run(PostgresStatement(page + "LIMIT \(Self.rowsPerPage)", last))
            for row in 0..<rows.count {
                let values = try (columns + table.key).enumerated().map { index, column in
                    try self.value(rows, row, index, column, of: table)
                }
                try body(Array(values.prefix(columns.count)))
                last = Array(values.dropFirst(columns.count))
            }
            if Int64(rows.count) < Self.rowsPerPage { return }
        }
    }

    private func value(
        _ rows: PostgresRows, _ row: Int, _ index: Int, _ column: AuthorityTable.Column, of table: AuthorityTable
    ) throws -> PostgresValue {
        let value: PostgresValue? =
            switch column.kind {
            case .integer: rows.integer(row, index).map { .integer($0) }
            case .text: rows.text(row, index).map { .text($0) }
            case .bytes: rows.bytes(row, index).map { .bytes($0) }
            }
        guard let value else {
            throw StorageError.corrupt(path: self.path, detail: "\(column.name) in \(table.rawValue) cannot be read")
        }
        return value
    }

    /// The rows of owner and lease are locked until the end: a center that starts meanwhile waits, and then finds the
    /// log.
    func fill(_ contents: AuthorityCopy.Contents, from source: any AuthorityCopyEnd) throws {
        try self.connection.run(
            script: "BEGIN; SELECT 1 FROM authority.lease FOR UPDATE; SELECT 1 FROM authority.owner FOR UPDATE")
        guard try self.isEmpty() else {
            throw StorageError.io(path: self.path, detail: "a center has begun to write there: stop it first")
        }
        var digest = LogEnd.empty.digest
        for table in AuthorityTable.allCases {
            var rows: [[PostgresValue]] = []
            var size = 0
            try source.forEachRow(of: table) { row in
                var values = Array(row.prefix(table.columns.count))
                for case .bytes(let bytes) in values {
                    size += bytes.count
                    if table == .records { digest = bytes.withUnsafeBytes { HashChain.next(after: digest, $0) } }
                }
                if table == .records { values.append(.text(digest.description)) }
                rows.append(values)
                guard rows.count == Self.rowsPerStatement || size >= Self.bytesPerStatement else { return }
                try self.insert(rows, into: table)
                (rows, size) = ([], 0)
            }
            if !rows.isEmpty { try self.insert(rows, into: table) }
        }
        try self.connection.run(
            PostgresStatement(
                "UPDATE authority.owner SET epoch = $1, turn = 1, appended = 1, position = $2, digest = $3",
                [
                    .integer(contents.epoch.signed), .integer(contents.end.position),
                    .text(contents.end.digest.description),
                ]))
        try self.connection.run(
            PostgresStatement(
                "UPDATE authority.lease SET epoch = $1, holder = '', process = 0, beat = beat + 1",
                [.integer(contents.epoch.signed)]))
        try self.connection.run(
            PostgresStatement(
                "UPDATE authority.trail_head SET position = $1, digest = $2",
                [.integer(contents.trailHead.position), .text(contents.trailHead.digest.description)]))
        try self.connection.run(PostgresStatement("COMMIT"))
    }

    /// Rows of one statement take one round trip.
    private func insert(_ rows: [[PostgresValue]], into table: AuthorityTable) throws {
        let names = table.columnNames + (table == .records ? ", digest" : "")
        var (number, tuples): (Int, [String]) = (0, [])
        for row in rows {
            let marks = row.indices.map { "$\(number + $0 + 1)" }.joined(separator: ", ")
            tuples.append("(\(marks))")
            number += row.count
        }
        try self.connection.run(
            PostgresStatement(
                "INSERT INTO authority.\(table.rawValue) (\(names)) VALUES " + tuples.joined(separator: ", "),
                rows.flatMap { $0 }))
    }

    /// In the order in which a center takes the lead, so that neither waits for the other for ever.
    func close() throws {
        guard let seen else { preconditionFailure("what was not read is not closed") }
        let moved = PostgresValue.integer(Epoch.moved.signed)
        do throws(PostgresError) {
            _ = try self.connection.transact([
                PostgresStatement("UPDATE authority.lease SET epoch = $1, holder = '', beat = beat + 1", [moved]),
                // It fails if a center has taken the lead since, or has written.
                PostgresStatement(
                    "SELECT authority.advance($1, $2, $3, 0, $4)",
                    [
                        .integer(seen.epoch.signed), .integer(seen.turn), .integer(seen.end.position),
                        .text(seen.end.digest.description),
                    ]),
                PostgresStatement("UPDATE authority.owner SET epoch = $1", [moved]),
            ])
        } catch {
            guard error.state == AuthoritySchema.conditionState else { throw error }
            throw StorageError.inUse(path: self.path)
        }
    }
}
