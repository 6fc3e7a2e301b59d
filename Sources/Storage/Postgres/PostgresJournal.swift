import LedgerRows
import PostgresClient
import TrancheCore

/// Reads a ledger in PostgreSQL, at a unit's start and for verification.
enum PostgresJournal {
    struct Identity {
        let unit: Int64
        let ledger: LedgerID
        let incarnation: UInt64
        let generation: Generation
        let ceiling: Stamp
    }

    /// Rows of one question: some megabytes.
    static let rowsPerPage: Int64 = 200

    /// Calls `body` in a transaction that sees one moment of the database.
    static func read<Value>(_ connection: PostgresConnection, _ body: () throws -> Value) throws -> Value {
        try connection.run(script: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        let value = try body()
        try connection.run(script: "COMMIT")
        return value
    }

    static func identity(_ connection: PostgresConnection) throws -> Identity? {
        let rows = try connection.run(
            PostgresStatement("SELECT unit, ledger, incarnation, generation, ceiling FROM identity"))
        guard rows.count == 1 else { return nil }
        let numbers = (0..<5).map { rows.integer(0, $0) ?? 0 }
        return Identity(
            unit: numbers[0], ledger: LedgerID(UInt64(bitPattern: numbers[1])),
            incarnation: UInt64(bitPattern: numbers[2]), generation: Generation(UInt32(truncatingIfNeeded: numbers[3])),
            ceiling: Stamp(rawValue: UInt64(bitPattern: numbers[4])))
    }

    /// The last row of the journal, and what the next commit does with it.
    static func end(_ connection: PostgresConnection, generation: Generation) throws -> LedgerEnd {
        let rows = try connection.run(
            PostgresStatement("SELECT position, digest, entries FROM journal ORDER BY position DESC LIMIT 2"))
        guard rows.count > 0 else { return LedgerEnd(head: .empty, generation: generation) }
        let head = try self.head(rows, 0, connection)
        guard let heartbeat = rows.withBytes(0, 2, { HeartbeatRow($0) }) ?? nil else {
            return LedgerEnd(head: head, generation: generation)
        }
        let kept = rows.count == 2 ? try self.head(rows, 1, connection) : .empty
        return LedgerEnd(head: head, generation: generation, heartbeat: heartbeat, kept: kept)
    }

    /// The head at a position; `nil` if no commit ended there.
    static func head(_ connection: PostgresConnection, at position: UInt64) throws -> LedgerHead? {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT position, digest, entries FROM journal WHERE position >= $1 ORDER BY position LIMIT 1",
                [.integer(Int64(bitPattern: position))]))
        guard rows.count == 1 else { return nil }
        let head = try self.head(rows, 0, connection)
        if head.position == position { return head }
        // A heartbeat lists the ones that it has replaced.
        let heartbeat = rows.withBytes(0, 2) { HeartbeatRow($0) } ?? nil
        return heartbeat?.replaced.first { $0.position == position }
    }

    /// Calls `body` with each row behind a position, in order.
    static func forEachRow(
        _ connection: PostgresConnection, after position: UInt64,
        _ body: (LedgerHead, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var last = Int64(bitPattern: position)
        while true {
            let rows = try connection.run(
                PostgresStatement(
                    "SELECT position, digest, entries FROM journal WHERE position > $1 ORDER BY position LIMIT $2",
                    [.integer(last), .integer(self.rowsPerPage)]))
            for row in 0..<rows.count {
                let head = try self.head(rows, row, connection)
                try rows.withBytes(row, 2) { try body(head, $0) }
                last = Int64(bitPattern: head.position)
            }
            if Int64(rows.count) < self.rowsPerPage { return }
        }
    }

    /// Calls `body` for each commit behind a head, in order.
    static func forEachCommit(
        _ connection: PostgresConnection, after head: LedgerHead = .empty, _ body: (LedgerAudit.Commit) throws -> Void
    ) throws {
        var last = head
        try self.forEachRow(connection, after: head.position) { end, bytes in
            try body(LedgerReading.audited(bytes, from: last, to: end))
            last = end
        }
    }

    /// The newest snapshot; `nil` if there is none, or it does not add up.
    static func snapshot(_ connection: PostgresConnection) throws -> LedgerSnapshot? {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT position, digest, number, pieces, checksum FROM snapshots ORDER BY number DESC LIMIT 1"))
        guard rows.count == 1, let head = try? self.head(rows, 0, connection), let number = rows.integer(0, 2),
            let pieces = rows.integer(0, 3), let checksum = rows.withBytes(0, 4, { self.digest($0) }) ?? nil
        else { return nil }
        let kept = try connection.run(
            PostgresStatement(
                "SELECT position, digest FROM journal WHERE position = $1", [.integer(Int64(head.position))]))
        guard kept.count == 1, try self.head(kept, 0, connection) == head else { return nil }
        let title = LedgerSnapshot.Title(head: head, number: number, pieces: pieces, checksum: checksum)
        return try LedgerSnapshot.read(title) { body in
            for piece in 0..<max(0, pieces) {
                let place = number << LedgerSnapshot.numberShift + piece
                let rows = try connection.run(
                    PostgresStatement("SELECT bytes FROM snapshot_pieces WHERE place = $1", [.integer(place)]))
                guard rows.count == 1 else { return }
                try rows.withBytes(0, 0) { try body($0) }
            }
        }
    }

    static func accounts(_ connection: PostgresConnection) throws -> [LedgerAudit.Account] {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT lot, generation, granted, allocated, returned, sold, cancelled FROM accounts "
                    + "ORDER BY lot, generation"))
        return (0..<rows.count).map { row in
            let numbers = (0..<7).map { Int(rows.integer(row, $0) ?? 0) }
            return LedgerAudit.Account(
                lot: LotID(UInt32(truncatingIfNeeded: numbers[0])),
                generation: Generation(UInt32(truncatingIfNeeded: numbers[1])),
                counters: QuotaCounters(
                    granted: numbers[2], allocated: numbers[3], returned: numbers[4], sold: numbers[5],
                    cancelled: numbers[6]))
        }
    }

    private static func head(_ rows: PostgresRows, _ row: Int, _ connection: PostgresConnection) throws -> LedgerHead {
        guard let position = rows.integer(row, 0), let digest = rows.withBytes(row, 1, { self.digest($0) }) ?? nil
        else {
            throw StorageError.corrupt(path: "\(connection.target)", detail: "a digest is not 16 bytes")
        }
        return LedgerHead(position: UInt64(bitPattern: position), digest: digest)
    }

    private static func digest(_ bytes: UnsafeRawBufferPointer) -> ChainDigest? {
        guard bytes.count == 16 else { return nil }
        return ChainDigest(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}
