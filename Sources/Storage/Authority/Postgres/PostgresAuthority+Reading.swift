import Foundation
import PostgresClient
package import TrancheCore

/// A place in the authority log, with the digest of all records up to it.
package struct LogEnd: Hashable, Sendable {
    package let position: Int64
    package let digest: ChainDigest
    package static let empty = LogEnd(position: 0, digest: ChainDigest(high: 0, low: 0))
}

// What is read: by the center that leads, by those that follow it, and by `verify`.

extension PostgresAuthority {
    /// Records of one answer: a follower, and a start, go on from the last one.
    package static let pageRecords = 1_000

    package func log() throws(StorageError) -> [AuthorityRecord] {
        var records: [AuthorityRecord] = []
        _ = try self.follow(after: .empty) { records.append($0) }
        return records
    }

    /// Reads the records behind an end of the log, each once and in order, and checks their digests.
    ///
    /// - Returns: The end of what was read.
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if a record is missing or changed, or if the log does not continue
    ///   `end`: it was set back.
    package func follow(after end: LogEnd, _ body: (AuthorityRecord) -> Void) throws(StorageError) -> LogEnd {
        var end = end
        while true {
            let page = try self.page(after: end.position)
            for line in page {
                let next = LogEnd(
                    position: end.position + 1,
                    digest: line.bytes.withUnsafeBytes { HashChain.next(after: end.digest, $0) })
                guard line.position == next.position, line.digest == next.digest.description,
                    let record = try? JSONDecoder().decode(AuthorityRecord.self, from: Data(line.bytes))
                else {
                    throw .corrupt(
                        path: self.path, detail: "record \(next.position) of the authority log is not the right one")
                }
                body(record)
                end = next
            }
            if page.count < Self.pageRecords { return end }
        }
    }

    private struct Line {
        let position: Int64
        let bytes: [UInt8]
        let digest: String
    }

    private func page(after position: Int64) throws(StorageError) -> [Line] {
        try self.desk.run { (connection) throws(PostgresError) in
            let rows = try connection.run(
                PostgresStatement(
                    """
                    SELECT position, record, digest FROM authority.records WHERE position > $1 ORDER BY position LIMIT $2
                    """, [.integer(position), .integer(Int64(Self.pageRecords))]))
            return (0..<rows.count).map { row in
                Line(
                    position: rows.integer(row, 0) ?? 0, bytes: rows.bytes(row, 1) ?? [],
                    digest: rows.text(row, 2) ?? "")
            }
        }
    }

    package func recover() throws(StorageError) -> (book: AuthorityBook, witnesses: [UnitID: LedgerHead]) {
        var (book, end) = try self.snapshot() ?? (AuthorityBook(), .empty)
        end = try self.follow(after: end) { book.apply($0) }
        return (book, try self.witnesses())
    }

    /// The book of the last snapshot, and where in the log it is; `nil` if there is none that this version of the program
    /// can read.
    package func snapshot() throws(StorageError) -> (book: AuthorityBook, end: LogEnd)? {
        try self.desk.run { (connection) throws(PostgresError) in
            // One transaction with one view of the tables: the leader may write the next snapshot meanwhile.
            let rows = try connection.transact([
                PostgresStatement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
                PostgresStatement(
                    """
                    SELECT position, book, digest FROM authority.snapshots JOIN authority.records USING (position)
                    ORDER BY position DESC LIMIT 1
                    """),
                PostgresStatement(
                    "SELECT lot, unit, piece, verdicts FROM authority.verdicts ORDER BY lot, unit, piece"),
            ])
            guard rows[1].count == 1, let position = rows[1].integer(0, 0), let bytes = rows[1].bytes(0, 1),
                let (high, low) = rows[1].text(0, 2).flatMap({ Hex.pair($0) }),
                var book = try? JSONDecoder().decode(AuthorityBook.self, from: Data(bytes)),
                book.complete(Self.verdicts(rows[2]))
            else { return nil }
            return (book, LogEnd(position: position, digest: ChainDigest(high: high, low: low)))
        }
    }

    private static func verdicts(_ rows: PostgresRows) -> [LotID: [UnitID: VerdictList]] {
        var pieces: [LotID: [UnitID: [[UInt8]]]] = [:]
        for row in 0..<rows.count {
            guard let lot = rows.integer(row, 0).flatMap({ UInt32(exactly: $0) }),
                let unit = rows.integer(row, 1).flatMap({ UInt16(exactly: $0) }), let bytes = rows.bytes(row, 3)
            else { continue }
            pieces[LotID(lot), default: [:]][UnitID(unit), default: []].append(bytes)
        }
        return pieces.mapValues { $0.compactMapValues(VerdictList.init(pieces:)) }
    }

    package func append(snapshot book: AuthorityBook, at position: Int64, as epoch: Epoch) throws(StorageError) {
        let bytes: Data
        do { bytes = try JSONEncoder().encode(book) } catch { throw StorageError(error, path: self.path) }
        var statements: [PostgresStatement] = []
        for (lot, state) in book.lots {
            for (unit, verdicts) in state.contest?.verdicts ?? [:] {
                statements += try self.pieces(verdicts, lot, unit)
            }
        }
        statements.append(PostgresStatement("DELETE FROM authority.snapshots"))
        statements.append(
            PostgresStatement(
                "INSERT INTO authority.snapshots VALUES ($1, $2)", [.integer(position), .bytes(Array(bytes))]))
        try self.write(statements, as: epoch)
    }

    /// The pieces that the last snapshot did not have, and the one that was its last.
    private func pieces(_ verdicts: VerdictList, _ lot: LotID, _ unit: UnitID) throws(StorageError)
        -> [PostgresStatement]
    {
        let owner: [PostgresValue] = [.integer(Int64(lot.rawValue)), .integer(Int64(unit.rawValue))]
        let last = try self.desk.run { (connection) throws(PostgresError) in
            try connection.run(
                PostgresStatement("SELECT max(piece) FROM authority.verdicts WHERE lot = $1 AND unit = $2", owner)
            ).integer(0, 0)
        }
        return verdicts.pieces.enumerated().dropFirst(Int(last ?? 0)).map { number, piece in
            PostgresStatement(
                """
                INSERT INTO authority.verdicts VALUES ($1, $2, $3, $4)
                ON CONFLICT (lot, unit, piece) DO UPDATE SET verdicts = excluded.verdicts
                """, owner + [.integer(Int64(number)), .bytes(Array(piece))])
        }
    }

    package func witnesses() throws(StorageError) -> [UnitID: LedgerHead] {
        try self.desk.run { (connection) throws(PostgresError) in
            let rows = try connection.run(PostgresStatement("SELECT unit, position, digest FROM authority.witnesses"))
            var heads: [UnitID: LedgerHead] = [:]
            for row in 0..<rows.count {
                guard let unit = rows.integer(row, 0).flatMap({ UInt16(exactly: $0) }),
                    let position = rows.integer(row, 1),
                    let (high, low) = rows.text(row, 2).flatMap({ Hex.pair($0) })
                else { continue }
                heads[UnitID(unit)] = LedgerHead(
                    position: UInt64(bitPattern: position), digest: ChainDigest(high: high, low: low))
            }
            return heads
        }
    }
}
