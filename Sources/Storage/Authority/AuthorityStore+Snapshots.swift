import Foundation
import GRDB
package import TrancheCore

// Snapshots of the book, so that a start need not read the whole log. The verdicts of contests are millions and only
// grow: they are stored beside the snapshot, and each one is written once.

extension AuthorityStore {
    /// The book after the last record, and the witnesses.
    package func recover() throws(StorageError) -> (book: AuthorityBook, witnesses: [UnitID: LedgerHead]) {
        try self.read { database in
            var (book, position) = try Self.snapshot(database) ?? (AuthorityBook(), 0)
            try Self.forEachRecord(database, after: position) { book.apply($0) }
            return (book, try Self.witnesses(database))
        }
    }

    /// Saves a snapshot of the book at a position.
    package func append(snapshot book: AuthorityBook, at position: Int64, as epoch: Epoch) throws(StorageError) {
        let bytes: Data
        do { bytes = try JSONEncoder().encode(book) } catch { throw StorageError(error, path: self.path) }
        try self.write(as: epoch) { database in
            for (lot, state) in book.lots {
                for (unit, verdicts) in state.contest?.verdicts ?? [:] {
                    try Self.append(verdicts, lot, unit, database)
                }
            }
            try database.execute(sql: "DELETE FROM snapshots")
            try database.execute(sql: "INSERT INTO snapshots VALUES (?, ?)", arguments: [position, bytes])
        }
    }

    /// Writes the pieces that the last snapshot did not have, and the one that was its last.
    private static func append(_ verdicts: VerdictList, _ lot: LotID, _ unit: UnitID, _ database: Database) throws {
        let last =
            try Int.fetchOne(
                database, sql: "SELECT max(piece) FROM verdicts WHERE lot = ? AND unit = ?",
                arguments: [lot.rawValue, unit.rawValue]) ?? 0
        for (number, piece) in verdicts.pieces.enumerated().dropFirst(last) {
            try database.execute(
                sql: "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?)",
                arguments: [lot.rawValue, unit.rawValue, number, Data(piece)])
        }
    }

    /// A snapshot that this version of the program cannot read is skipped: the log has everything.
    private static func snapshot(_ database: Database) throws -> (AuthorityBook, Int64)? {
        let row = try Row.fetchOne(
            database, sql: "SELECT position, book FROM snapshots ORDER BY position DESC LIMIT 1")
        guard let row, var book = try? JSONDecoder().decode(AuthorityBook.self, from: row[1] as Data) else {
            return nil
        }
        return book.complete(try self.verdicts(database)) ? (book, row[0]) : nil
    }

    private static func verdicts(_ database: Database) throws -> [LotID: [UnitID: VerdictList]] {
        var pieces: [LotID: [UnitID: [[UInt8]]]] = [:]
        let rows = try Row.fetchCursor(
            database, sql: "SELECT lot, unit, piece, verdicts FROM verdicts ORDER BY lot, unit, piece")
        while let row = try rows.next() {
            let (lot, unit) = (LotID(row[0] as UInt32), UnitID(row[1] as UInt16))
            pieces[lot, default: [:]][unit, default: []].append([UInt8](row[3] as Data))
        }
        return pieces.mapValues { $0.compactMapValues(VerdictList.init(pieces:)) }
    }

    /// One record at a time: a log of long contests does not fit into memory.
    static func forEachRecord(
        _ database: Database, after position: Int64, _ body: (AuthorityRecord) -> Void
    ) throws {
        let decoder = JSONDecoder()
        let rows = try Row.fetchCursor(
            database, sql: "SELECT position, record FROM records WHERE position > ? ORDER BY position",
            arguments: [position])
        while let row = try rows.next() {
            do { body(try decoder.decode(AuthorityRecord.self, from: row[1] as Data)) } catch {
                throw DatabaseError(
                    resultCode: .SQLITE_CORRUPT,
                    message: "record \(row[0] as Int64) of the authority log cannot be read")
            }
        }
    }
}
