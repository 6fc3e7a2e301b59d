import Foundation
import GRDB
import LedgerRows
import TrancheCore

/// Reads a ledger, at a unit's start and for verification.
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

    /// Folds the journal, and checks it against the hash chain.
    static func book(_ database: Database, path: String, _ body: (LedgerEntry) throws -> Void) throws {
        try self.forEachCommit(database) { entries, isChained, end in
            guard isChained, let entries else {
                throw StorageError.corrupt(path: path, detail: "the hash chain breaks at position \(end.position)")
            }
            for entry in entries { try body(entry) }
        }
    }

    /// Calls `body` for each commit, in order, with its entries (`nil` if one of them cannot be read), and whether the
    /// digest on disk matches the bytes on disk.
    static func forEachCommit(
        _ database: Database, _ body: ([LedgerEntry]?, _ isChained: Bool, _ end: LedgerHead) throws -> Void
    ) throws {
        var last = LedgerHead.empty
        var entries: [LedgerEntry] = []
        try self.forEachRow(database) { end, bytes in
            entries.removeAll(keepingCapacity: true)
            let isReadable = EntryRow.readEntries(bytes, into: &entries)
            let isWhole = end.position > last.position && UInt64(entries.count) == end.position - last.position
            let isChained = HashChain.next(after: last.digest, bytes) == end.digest && (isWhole || !isReadable)
            try body(isReadable ? entries : nil, isChained, end)
            last = end
        }
    }

    private static func forEachRow(
        _ database: Database, _ body: (LedgerHead, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard try database.tableExists("journal") else {
            // A reader may open a ledger in the format of an earlier version, which no unit has migrated yet.
            return try EarlierLedger.forEachCommit(database) { end, digest, bytes in
                guard let digest = self.order(digest) else { return }
                let chain = ChainDigest(high: digest.high, low: digest.low)
                try bytes.withUnsafeBytes { try body(LedgerHead(position: UInt64(end), digest: chain), $0) }
            }
        }
        let commits = try Row.fetchCursor(
            database, sql: "SELECT position, digest, entries FROM journal ORDER BY position")
        while let commit = try commits.next() {
            let end = try self.head(commit)
            try commit.withUnsafeData(atIndex: 2) { data in try (data ?? Data()).withUnsafeBytes { try body(end, $0) } }
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
