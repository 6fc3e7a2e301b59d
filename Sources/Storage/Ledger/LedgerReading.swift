import Foundation
import GRDB
import TrancheCore

/// Reads a ledger: at a start, and from the outside by whoever verifies it.
package enum LedgerReading {
    struct AccountKey: Hashable {
        let lot: LotID
        let generation: Generation
    }

    static func head(_ database: Database) throws -> LedgerHead {
        let row = try Row.fetchOne(database, sql: "SELECT position, digest FROM commits ORDER BY position DESC LIMIT 1")
        return try row.map(self.head) ?? .empty
    }

    static func head(_ database: Database, at position: UInt64) throws -> LedgerHead? {
        try Row.fetchOne(
            database, sql: "SELECT position, digest FROM commits WHERE position = ?", arguments: [Int64(position)]
        ).map(self.head)
    }

    private static func head(_ row: Row) throws -> LedgerHead {
        guard let digest = self.order(row[1]) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a digest is not 16 bytes")
        }
        return LedgerHead(
            position: UInt64(bitPattern: row[0] as Int64), digest: ChainDigest(high: digest.high, low: digest.low))
    }

    /// Folds the journal, and checks it against the hash chain on the way.
    static func book(_ database: Database, path: String) throws -> UnitBook {
        var book = UnitBook()
        try self.forEachCommit(database) { entries, isChained, position in
            guard isChained, let entries else {
                throw StorageError.corrupt(path: path, detail: "the hash chain breaks at position \(position)")
            }
            for entry in entries { book.apply(entry) }
        }
        return book
    }

    /// Calls `body` for each commit, in order, with its entries (`nil` if one of them cannot be read), and whether the
    /// digest that is on disk follows from the bytes that are on disk.
    static func forEachCommit(
        _ database: Database, _ body: ([LedgerEntry]?, _ isChained: Bool, _ position: UInt64) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM entries ORDER BY position")
        let commits = try Row.fetchCursor(database, sql: "SELECT position, digest FROM commits ORDER BY position")
        var digest = LedgerHead.empty.digest
        var position: UInt64 = 0
        while let commit = try commits.next() {
            let end = try self.head(commit)
            var (bytes, entries): ([UInt8], [LedgerEntry]?) = ([], [])
            var isWhole = end.position > position
            while position < end.position, let row = try rows.next() {
                position += 1
                let found = self.row(row)
                isWhole = isWhole && UInt64(bitPattern: row[0] as Int64) == position
                found?.encode(into: &bytes)
                if let entry = found?.entry { entries?.append(entry) } else { entries = nil }
            }
            let expected = HashChain.next(after: digest, bytes)
            try body(entries, isWhole && position == end.position && expected == end.digest, end.position)
            digest = end.digest
            position = end.position
        }
        if try rows.next() != nil { try body(nil, false, position + 1) }
    }

    static func row(_ row: Row) -> EntryRow? {
        guard let kind = EntryRow.Kind(rawValue: row[1]) else { return nil }
        var entry = EntryRow(kind: kind)
        entry.lot = row[2]
        entry.order = self.order(row[3])
        entry.buyer = row[4]
        entry.quantity = row[5]
        entry.detail = row[6]
        entry.generation = row[7]
        entry.value = row[8]
        entry.deadline = row[9]
        entry.text = row[10]
        return entry
    }

    static func order(_ data: Data?) -> OrderID? {
        guard let data, data.count == 16 else { return nil }
        let halves = data.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        return OrderID(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
    }
}
