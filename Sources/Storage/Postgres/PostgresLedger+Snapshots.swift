import PostgresClient
import Threads
package import TrancheCore

// How a ledger in PostgreSQL keeps a snapshot of its book: in the form of ``LedgerSnapshot``.

extension PostgresLedger {
    package func continueSnapshot(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) -> Bool {
        self.owner.check()
        let isDue =
            self.wantsSnapshot
            || LedgerSnapshot.isDue(entries: self.end.kept.position - self.snapshotPosition, orders: book.orders.count)
        guard self.snapshot != nil || isDue else { return false }
        return try self.writePiece(of: book, as: incarnation)
    }

    package func takeSnapshot(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) {
        self.owner.check()
        self.snapshot = nil
        while try self.writePiece(of: book, as: incarnation) {}
    }

    private func writePiece(of book: UnitBook, as incarnation: Incarnation) throws(StorageError) -> Bool {
        guard let connection, self.belief.state != .nothing else {
            throw .io(path: self.location, detail: "there is no connection for a snapshot")
        }
        do throws(PostgresError) {
            var underway: SnapshotUnderway
            if let snapshot {
                underway = snapshot
            } else {
                let last = try connection.run(
                    PostgresStatement("SELECT coalesce(max(place), 0) FROM snapshot_pieces"))
                underway = SnapshotUnderway(of: book, at: self.end.kept, behind: last.integer(0, 0) ?? 0)
            }
            let write = underway.next()
            _ = try connection.transact([self.claim(incarnation)] + write.statements)
            if write.isEnd { (self.snapshotPosition, self.wantsSnapshot) = (underway.head.position, false) }
            self.snapshot = write.isEnd ? nil : underway
            return !write.isEnd
        } catch {
            // The next attempt is not before as many entries again: a disk that is full stays so for a while.
            self.snapshot = nil
            (self.snapshotPosition, self.wantsSnapshot) = (self.end.kept.position, false)
            // Nothing of the journal is in doubt, but nothing more can be written on this connection.
            if connection.isClosed || error.state == PostgresLedgerSchema.otherEnd {
                self.forget()
            }
            throw StorageError(error, path: self.location)
        }
    }
}

extension SnapshotUnderway.Write {
    var statements: [PostgresStatement] {
        switch self {
        case .piece(let bytes, let place):
            [PostgresStatement("INSERT INTO snapshot_pieces VALUES ($1, $2)", [.integer(place), .bytes(bytes)])]
        case .end(let title, let firstPlace):
            [
                PostgresStatement("DELETE FROM snapshots"),
                PostgresStatement(
                    "INSERT INTO snapshots (number, position, digest, pieces, checksum) VALUES ($1, $2, $3, $4, $5)",
                    [
                        .integer(title.number), .integer(Int64(title.head.position)), .bytes(title.head.digest.bytes),
                        .integer(title.pieces), .bytes(title.checksum.bytes),
                    ]),
                PostgresStatement("DELETE FROM snapshot_pieces WHERE place < $1", [.integer(firstPlace)]),
            ]
        }
    }
}
