import Foundation
import GRDB
import LedgerRows
package import TrancheCore

/// The book at a position of the journal, in the same file: a start reads it, and replays only what follows.
///
/// Its row names the position and the digest of a commit, and counts only while the journal has this very commit. So it is
/// never ahead of the journal, and never of another one. A checksum covers its bytes. A snapshot that does not add up is
/// ignored, and the whole journal is read.
///
/// Nonce and ceiling may be newer than the position: the replay of what follows leads to the same ones.
package struct LedgerSnapshot: Sendable {
    /// A snapshot is due when so many entries, and half as many as the book has orders, came after the last one. So a start
    /// replays at most a tenth of a second, or what amounts to a third of the book.
    package static let entriesAtLeast: UInt64 = 50_000

    package let head: LedgerHead
    package let parts: UnitBook.Parts

    static func isDue(entries: UInt64, orders: Int) -> Bool {
        entries >= max(Self.entriesAtLeast, UInt64(orders / 2))
    }

    /// The newest snapshot; `nil` if there is none, or it does not add up.
    static func read(_ database: Database) throws -> LedgerSnapshot? {
        guard try database.tableExists("snapshots"),
            let row = try Row.fetchOne(
                database,
                sql: "SELECT position, digest, number, pieces, checksum FROM snapshots ORDER BY number DESC LIMIT 1"),
            let head = try? LedgerReading.head(row), let checksum = LedgerReading.order(row[4]),
            try LedgerReading.keptHead(database, at: head.position) == head
        else { return nil }
        // The checksum first: bytes that were changed are not worth reading.
        let (number, pieces): (Int64, Int) = (row[2], row[3])
        var (sum, count) = (head.digest, 0)
        try self.forEachPiece(database, number) {
            sum = HashChain.next(after: sum, $0)
            count += 1
        }
        guard count == pieces, sum == ChainDigest(high: checksum.high, low: checksum.low) else { return nil }
        var reader = BookPiecesReader()
        var isReadable = true
        try self.forEachPiece(database, number) { isReadable = isReadable && reader.read($0) }
        return isReadable ? LedgerSnapshot(head: head, parts: reader.parts) : nil
    }

    private static func forEachPiece(
        _ database: Database, _ number: Int64, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            database, sql: "SELECT bytes FROM snapshot_pieces WHERE place >= ? AND place < ? ORDER BY place",
            arguments: [number << Self.numberShift, (number + 1) << Self.numberShift])
        while let row = try rows.next() {
            try row.withUnsafeData(atIndex: 0) { data in try (data ?? Data()).withUnsafeBytes { try body($0) } }
        }
    }

    /// The number of a snapshot is the high part of the places of its pieces.
    static let numberShift: Int64 = 32
}

/// A snapshot that is being written, one piece at a time. Until the last one the snapshot before it counts.
struct SnapshotUnderway {
    let head: LedgerHead
    private let number: Int64
    private var pieces: BookPieces
    private var count: Int64 = 0
    private var checksum: ChainDigest

    /// - Parameters:
    ///   - book: The fold of the ledger.
    ///   - head: The last head that no heartbeat overwrites.
    init(_ database: Database, of book: UnitBook, at head: LedgerHead) throws {
        // Pieces that a crash has left behind have the highest number. They go with this snapshot's predecessor.
        let last = try Int64.fetchOne(database, sql: "SELECT max(place) FROM snapshot_pieces") ?? 0
        (self.head, self.number, self.checksum) = (head, (last >> LedgerSnapshot.numberShift) + 1, head.digest)
        self.pieces = BookPieces(book)
    }

    /// Writes the next piece, in the caller's transaction.
    ///
    /// - Returns: Whether it was the last one: the snapshot counts with this transaction.
    mutating func writePiece(_ database: Database) throws -> Bool {
        if let piece = self.pieces.next() {
            self.checksum = piece.withUnsafeBytes { HashChain.next(after: self.checksum, $0) }
            try database.execute(
                sql: "INSERT INTO snapshot_pieces VALUES (?, ?)",
                arguments: [self.number << LedgerSnapshot.numberShift + self.count, Data(piece)])
            self.count += 1
            return false
        }
        try database.execute(
            sql: """
                DELETE FROM snapshots;
                INSERT INTO snapshots (number, position, digest, pieces, checksum) VALUES (?, ?, ?, ?, ?);
                DELETE FROM snapshot_pieces WHERE place < ?;
                """,
            arguments: [
                self.number, Int64(self.head.position), Self.bytes(self.head.digest), self.count,
                Self.bytes(self.checksum), self.number << LedgerSnapshot.numberShift,
            ])
        return true
    }

    private static func bytes(_ digest: ChainDigest) -> Data {
        withUnsafeBytes(of: (digest.high.bigEndian, digest.low.bigEndian)) { Data($0) }
    }
}
