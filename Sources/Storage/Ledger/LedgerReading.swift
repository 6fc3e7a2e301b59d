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

    /// The last row of the journal, and what the next commit does with it.
    static func end(_ database: Database, generation: Generation) throws -> LedgerEnd {
        let rows = try Row.fetchAll(
            database, sql: "SELECT position, digest, entries FROM journal ORDER BY position DESC LIMIT 2")
        guard let last = rows.first else { return LedgerEnd(head: .empty, generation: generation) }
        let head = try self.head(last)
        guard let heartbeat = self.heartbeat(last) else { return LedgerEnd(head: head, generation: generation) }
        let kept = rows.count == 2 ? try self.head(rows[1]) : .empty
        return LedgerEnd(head: head, generation: generation, heartbeat: heartbeat, kept: kept)
    }

    static func head(_ database: Database, at position: UInt64) throws -> LedgerHead? {
        if let kept = try self.keptHead(database, at: position) { return kept }
        // A heartbeat lists the ones that it has replaced.
        return try Row.fetchOne(
            database, sql: "SELECT position, digest, entries FROM journal WHERE position > ? ORDER BY position LIMIT 1",
            arguments: [Int64(position)]
        ).flatMap(self.heartbeat)?.replaced.first { $0.position == position }
    }

    /// The head of the row at a position, if there is one.
    static func keptHead(_ database: Database, at position: UInt64) throws -> LedgerHead? {
        try Row.fetchOne(
            database, sql: "SELECT position, digest FROM journal WHERE position = ?", arguments: [Int64(position)]
        ).map(self.head)
    }

    /// The ceiling that is beside the journal; zero if there is none.
    static func ceiling(_ database: Database) throws -> Stamp {
        Stamp(rawValue: UInt64(bitPattern: try Int64.fetchOne(database, sql: "SELECT ceiling FROM identity") ?? 0))
    }

    private static func heartbeat(_ row: Row) -> HeartbeatRow? {
        (row[2] as Data?)?.withUnsafeBytes { HeartbeatRow($0) }
    }

    static func head(_ row: Row) throws -> LedgerHead {
        guard let digest = self.order(row[1]) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a digest is not 16 bytes")
        }
        return LedgerHead(
            position: UInt64(bitPattern: row[0] as Int64), digest: ChainDigest(high: digest.high, low: digest.low))
    }

    /// The position of the journal's first row: what came before it is in the archive.
    static func firstPosition(_ database: Database) throws -> UInt64? {
        try Int64.fetchOne(database, sql: "SELECT min(position) FROM journal").map { UInt64(bitPattern: $0) }
    }

    /// Folds the journal behind a position, and checks it against the hash chain.
    ///
    /// - Parameter path: The ledger's file.
    static func book(
        _ database: Database, of path: String, after head: LedgerHead, _ body: (LedgerEntry) throws -> Void
    )
        throws
    {
        try self.forEachCommit(database, of: path, after: head) { commit in
            guard commit.isChained, let entries = commit.entries else {
                throw StorageError.corrupt(
                    path: path, detail: "the hash chain breaks at position \(commit.head.position)")
            }
            for entry in entries { try body(entry) }
        }
    }

    /// Calls `body` for each commit, in order.
    static func forEachCommit(
        _ database: Database, of path: String, after head: LedgerHead = .empty,
        _ body: (LedgerAudit.Commit) throws -> Void
    ) throws {
        var last = head
        try self.forEachRow(database, of: path, after: head.position) { end, bytes in
            try body(self.audited(bytes, from: last, to: end))
            last = end
        }
    }

    static func audited(_ bytes: UnsafeRawBufferPointer, from last: LedgerHead, to end: LedgerHead)
        -> LedgerAudit.Commit
    {
        let isDigestRight = HashChain.next(after: last.digest, bytes) == end.digest
        if HeartbeatRow.isOne(bytes) {
            let row = HeartbeatRow(bytes)
            let isInPlace = end.position > last.position && row?.position == end.position
            let areHeadsInPlace = row?.replaced.first.map { $0.position > last.position } ?? true
            return LedgerAudit.Commit(
                entries: row?.entries, isChained: isDigestRight && (isInPlace && areHeadsInPlace || row == nil),
                head: end, replaced: row?.replaced ?? [])
        }
        var entries: [LedgerEntry] = []
        let isReadable = EntryRow.readEntries(bytes, into: &entries)
        let isWhole = end.position > last.position && UInt64(entries.count) == end.position - last.position
        return LedgerAudit.Commit(
            entries: isReadable ? entries : nil, isChained: isDigestRight && (isWhole || !isReadable), head: end,
            replaced: [])
    }

    static func forEachRow(
        _ database: Database, of path: String, after position: UInt64,
        _ body: (LedgerHead, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard try database.tableExists("journal") else {
            // A reader may open a ledger in the format of an earlier version, which no unit has migrated yet.
            return try EarlierLedger.forEachCommit(database) { end, digest, bytes in
                guard let digest = self.order(digest) else { return }
                let chain = ChainDigest(high: digest.high, low: digest.low)
                try bytes.withUnsafeBytes { try body(LedgerHead(position: UInt64(end), digest: chain), $0) }
            }
        }
        let first = try self.firstPosition(database) ?? 0
        if position + 1 < first {
            _ = try JournalArchive.read(of: path) { try self.forEachRow($0, in: position + 1..<first, body) }
        }
        try self.forEachRow(database, in: max(position + 1, first)..<UInt64(Int64.max), body)
    }

    private static func forEachRow(
        _ database: Database, in positions: Range<UInt64>, _ body: (LedgerHead, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let commits = try Row.fetchCursor(
            database,
            sql: "SELECT position, digest, entries FROM journal WHERE position >= ? AND position < ? ORDER BY position",
            arguments: [Int64(positions.lowerBound), Int64(positions.upperBound)])
        while let commit = try commits.next() {
            let end = try self.head(commit)
            try commit.withUnsafeData(atIndex: 2) { data in try (data ?? Data()).withUnsafeBytes { try body(end, $0) } }
        }
    }

    /// The accounts of the guarding table.
    static func accounts(_ database: Database) throws -> [LedgerAudit.Account] {
        try Row.fetchAll(
            database,
            sql:
                "SELECT lot, generation, granted, allocated, returned, sold, cancelled FROM accounts ORDER BY lot, generation"
        ).map { row in
            LedgerAudit.Account(
                lot: LotID(row[0]), generation: Generation(row[1]),
                counters: QuotaCounters(
                    granted: row[2], allocated: row[3], returned: row[4], sold: row[5], cancelled: row[6]))
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
