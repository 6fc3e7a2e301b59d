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
        let row = try Row.fetchOne(database, sql: "SELECT position, digest FROM journal ORDER BY position DESC LIMIT 1")
        return try row.map(self.head) ?? .empty
    }

    static func head(_ database: Database, at position: UInt64) throws -> LedgerHead? {
        try Row.fetchOne(
            database, sql: "SELECT position, digest FROM journal WHERE position = ?", arguments: [Int64(position)]
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
    static func book(_ database: Database, path: String, _ body: (LedgerEntry) throws -> Void) throws {
        try self.forEachCommit(database) { entries, isChained, position in
            guard isChained, let entries else {
                throw StorageError.corrupt(path: path, detail: "the hash chain breaks at position \(position)")
            }
            for entry in entries { try body(entry) }
        }
    }

    /// Calls `body` for each commit, in order, with its entries (`nil` if one of them cannot be read), and whether the
    /// digest that is on disk follows from the bytes that are on disk.
    static func forEachCommit(
        _ database: Database, _ body: ([LedgerEntry]?, _ isChained: Bool, _ position: UInt64) throws -> Void
    ) throws {
        let commits = try Row.fetchCursor(
            database, sql: "SELECT position, digest, entries FROM journal ORDER BY position")
        var digest = LedgerHead.empty.digest
        var position: UInt64 = 0
        var entries: [LedgerEntry] = []
        while let commit = try commits.next() {
            let end = try self.head(commit)
            try commit.withUnsafeData(atIndex: 2) { data in
                entries.removeAll(keepingCapacity: true)
                let isReadable = (data ?? Data()).withUnsafeBytes { bytes in
                    let isReadable = EntryRow.readEntries(bytes, into: &entries)
                    digest = HashChain.next(after: digest, bytes)
                    return isReadable
                }
                let isWhole = end.position > position && UInt64(entries.count) == end.position - position
                try body(isReadable ? entries : nil, digest == end.digest && (isWhole || !isReadable), end.position)
            }
            digest = end.digest
            position = end.position
        }
    }

    static func order(_ data: Data?) -> OrderID? {
        guard let data, data.count == 16 else { return nil }
        let halves = data.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        return OrderID(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
    }
}
