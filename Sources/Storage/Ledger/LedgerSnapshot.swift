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
        let title = Title(
            head: head, number: row[2], pieces: row[3], checksum: ChainDigest(high: checksum.high, low: checksum.low))
        return try self.read(title) { try self.forEachPiece(database, title.number, $0) }
    }

    /// What the row of a snapshot says of it.
    struct Title {
        let head: LedgerHead
        let number: Int64
        let pieces: Int64
        let checksum: ChainDigest
    }

    /// - Parameter forEachPiece: Calls its argument with the bytes of each piece, in order; it is called twice.
    static func read(
        _ title: Title, _ forEachPiece: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> LedgerSnapshot? {
        // The checksum first: bytes that were changed are not worth reading.
        var (sum, count): (ChainDigest, Int64) = (title.head.digest, 0)
        try forEachPiece {
            sum = HashChain.next(after: sum, $0)
            count += 1
        }
        guard count == title.pieces, sum == title.checksum else { return nil }
        var reader = BookPiecesReader()
        var isReadable = true
        try forEachPiece { isReadable = isReadable && reader.read($0) }
        return isReadable ? LedgerSnapshot(head: title.head, parts: reader.parts) : nil
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
    enum Write {
        case piece([UInt8], place: Int64)
        /// The snapshot counts with the transaction that writes its row, and removes the ones before it.
        case end(LedgerSnapshot.Title, firstPlace: Int64)
    }

    let head: LedgerHead
    private let number: Int64
    private var pieces: BookPieces
    private var count: Int64 = 0
    private var checksum: ChainDigest

    /// - Parameters:
    ///   - book: The fold of the ledger.
    ///   - head: The last head that no heartbeat overwrites.
    /// - lastPlace: The highest place of a piece; pieces that a crash has left behind have the highest number, and go
    ///   with
    ///     this snapshot's predecessor.
    init(of book: UnitBook, at head: LedgerHead, behind lastPlace: Int64) {
        (self.head, self.number, self.checksum) = (head, (lastPlace >> LedgerSnapshot.numberShift) + 1, head.digest)
        self.pieces = BookPieces(book)
    }

    mutating func next() -> Write {
        guard let piece = self.pieces.next() else {
            return .end(
                LedgerSnapshot.Title(
                    head: self.head, number: self.number, pieces: self.count, checksum: self.checksum),
                firstPlace: self.number << LedgerSnapshot.numberShift)
        }
        self.checksum = piece.withUnsafeBytes { HashChain.next(after: self.checksum, $0) }
        defer { self.count += 1 }
        return .piece(piece, place: self.number << LedgerSnapshot.numberShift + self.count)
    }
}

extension SnapshotUnderway.Write {
    var isEnd: Bool { if case .end = self { true } else { false } }

    /// Writes the step into SQLite, in the caller's transaction.
    func write(_ database: Database) throws {
        switch self {
        case .piece(let piece, let place):
            try database.execute(
                sql: "INSERT INTO snapshot_pieces VALUES (?, ?)", arguments: [place, Data(piece)])
        case .end(let title, let firstPlace):
            try database.execute(
                sql: """
                    DELETE FROM snapshots;
                    INSERT INTO snapshots (number, position, digest, pieces, checksum) VALUES (?, ?, ?, ?, ?);
                    DELETE FROM snapshot_pieces WHERE place < ?;
                    """,
                arguments: [
                    title.number, Int64(title.head.position), Data(title.head.digest.bytes), title.pieces,
                    Data(title.checksum.bytes), firstPlace,
                ])
        }
    }
}

extension ChainDigest {
    /// Its form on disk.
    var bytes: [UInt8] { withUnsafeBytes(of: (self.high.bigEndian, self.low.bigEndian)) { Array($0) } }
}
