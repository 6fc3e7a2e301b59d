import Foundation
import GRDB
import LedgerRows
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Snapshots of a ledger") struct SnapshotTests {
    private let first = Incarnation(1)

    private func order(_ number: UInt64, lot: UInt32 = 1, _ state: OrderState = .reserved) -> Order {
        Order(
            id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(lot), quantity: 1,
            buyerLimit: 5, generation: Generation(1), state: state, stamp: Stamp(rawValue: number),
            deadline: state == .contested ? .distantFuture : Instant(microseconds: 9))
    }

    /// Every kind of entry.
    private var entries: [LedgerEntry] {
        [
            .opened(self.first), .redis(RedisRun(rawValue: 8)), .ceiling(Stamp(rawValue: 500)), .nonce(4),
            .granted(LotID(1), total: 10), .reserved(self.order(1)), .reserved(self.order(2)),
            .reserved(self.order(3)), .confirmed(self.order(1), payment: PaymentID("p1")!),
            .released(self.order(2), state: .expired), .returned(LotID(1), total: 2), .soldOut(LotID(1)),
            .refused(OrderID(high: 50, low: 5), lot: LotID(1), reason: .duplicate(held: 1, limit: 5)),
            .refused(OrderID(high: 51, low: 5), lot: LotID(1), reason: .limitReached(held: 2, limit: 5)),
            .refundDue(OrderID(high: 2, low: 2), payment: PaymentID("late")!, reason: .orderOver),
            .contended(LotID(3)), .contended(LotID(4)),
            .contested(self.order(11, lot: 3, .contested), uncertaintyMicroseconds: 700),
            .contested(self.order(12, lot: 3, .contested), uncertaintyMicroseconds: 701),
            .contested(self.order(13, lot: 3, .contested), uncertaintyMicroseconds: 702),
            .allocated(self.order(11, lot: 3, .reserved), isOffer: false), .lost(self.order(12, lot: 3, .lost)),
            .branched(LotID(1), Branch(home: UnitID(1), unit: UnitID(4))),
            .branched(LotID(1), Branch(home: UnitID(1), unit: UnitID(5), refusedBefore: Instant(milliseconds: 17))),
        ]
    }

    private func expectEqual(_ left: UnitBook, _ right: UnitBook, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(left.orders == right.orders, sourceLocation: sourceLocation)
        #expect(left.accounts == right.accounts, sourceLocation: sourceLocation)
        #expect(left.refused == right.refused, sourceLocation: sourceLocation)
        #expect(left.money == right.money, sourceLocation: sourceLocation)
        #expect(left.contests == right.contests, sourceLocation: sourceLocation)
        #expect(left.parts.allocations == right.parts.allocations, sourceLocation: sourceLocation)
        #expect(left.lotsEverSoldOut == right.lotsEverSoldOut, sourceLocation: sourceLocation)
        #expect(left.heldByBuyer == right.heldByBuyer, sourceLocation: sourceLocation)
        #expect(left.branches == right.branches, sourceLocation: sourceLocation)
        for order in left.orders {
            #expect(right.hasOrder(of: order.buyer, lot: order.lot), sourceLocation: sourceLocation)
        }
        let buyer = BuyerID("b13")!
        #expect(
            left.contested(by: buyer, lot: LotID(3)) == right.contested(by: buyer, lot: LotID(3)),
            sourceLocation: sourceLocation)
        #expect((left.incarnation, left.generation) == (right.incarnation, right.generation))
        #expect((left.ceiling, left.nonce, left.redis) == (right.ceiling, right.nonce, right.redis))
    }

    /// A ledger with a snapshot in its middle, and its fold.
    private func make(_ box: LedgerBox) throws -> UnitBook {
        let ledger = try box.open()
        var book = UnitBook()
        func append(_ entries: [LedgerEntry]) throws {
            try ledger.commit(entries, as: self.first)
            for entry in entries { book.apply(entry) }
        }
        try append(self.entries)
        for nonce: UInt64 in 70...75 { try append([.nonce(nonce)]) }
        try ledger.takeSnapshot(of: book, as: self.first)
        for nonce: UInt64 in 76...78 { try append([.nonce(nonce), .ceiling(Stamp(rawValue: 500 + nonce))]) }
        try append([.generation(Generation(2))])
        try append([.granted(LotID(1), total: 3), .reserved(self.order(20))])
        return book
    }

    @Test("a start reads the snapshot, and replays only what follows it", arguments: LedgerEngine.allCases)
    func startReadsSnapshot(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let expected = try self.make(box)
        let again = try box.open()
        self.expectEqual(try again.recover(), expected)
        #expect(again.replayedEntries == 5, "a heartbeat, and three entries")
        // The limit of a buyer is known from the snapshot, too: b3 holds one of lot 1.
        var more = self.order(30)
        more = Order(
            id: more.id, buyer: BuyerID("b3")!, lot: LotID(1), quantity: 1, buyerLimit: 1, generation: Generation(2),
            stamp: more.stamp, deadline: more.deadline)
        #expect(throws: StorageError.self) { try again.commit([.reserved(more)], as: self.first) }
    }

    @Test(
        "a snapshot that does not add up is ignored, and the whole journal is read", arguments: LedgerEngine.allCases,
        [
            "UPDATE snapshot_pieces SET bytes = CAST(bytes || x'00' AS BLOB) WHERE place & 4294967295 = 1",
            "DELETE FROM snapshot_pieces WHERE place & 4294967295 = 2",
            "UPDATE snapshots SET position = position + 1", "UPDATE snapshots SET digest = zeroblob(16)",
            "UPDATE snapshots SET pieces = pieces - 1", "DELETE FROM snapshots",
        ])
    func damagedSnapshotIsIgnored(engine: LedgerEngine, sql: String) throws {
        let box = try LedgerBox(engine)
        let expected = try self.make(box)
        try box.execute(sql)
        let again = try box.open()
        self.expectEqual(try again.recover(), expected)
        #expect(again.replayedEntries > self.entries.count)
        #expect(try box.audit().snapshot == nil)
    }

    @Test(
        "a snapshot that a crash left unfinished does not count, and the next one replaces it",
        arguments: LedgerEngine.allCases)
    func unfinishedSnapshotDoesNotCount(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        var expected = try self.make(box)
        let ledger = try box.open()
        let book = try ledger.recover()
        let due = (1...LedgerSnapshot.entriesAtLeast).map { number in
            LedgerEntry.refused(
                OrderID(high: number, low: 99), lot: LotID(1), reason: .duplicate(held: 1, limit: 1))
        }
        #expect(try !ledger.continueSnapshot(of: book, as: self.first), "nothing is due")
        try ledger.commit(due, as: self.first)
        for entry in due { expected.apply(entry) }
        // A crash after each of the first pieces: the last whole snapshot counts.
        for pieces in 1...4 {
            let crashed = try box.open()
            let book = try crashed.recover()
            #expect(crashed.replayedEntries == 5 + due.count)
            for _ in 0..<pieces { #expect(try crashed.continueSnapshot(of: book, as: self.first)) }
        }
        let last = try box.open()
        let recovered = try last.recover()
        self.expectEqual(recovered, expected)
        #expect(last.replayedEntries == 5 + due.count)
        while try last.continueSnapshot(of: recovered, as: self.first) {}
        let after = try box.open()
        self.expectEqual(try after.recover(), expected)
        #expect(after.replayedEntries == 0)
        // Nothing of the others is left.
        let counts = try box.integers(
            "SELECT count(DISTINCT place >> 32), count(*), (SELECT pieces FROM snapshots) FROM snapshot_pieces")
        #expect(counts[0] == 1)
        #expect(counts[1] == counts[2])
    }

    @Test(
        "the pieces of a snapshot are of one moment, although orders go on between them",
        arguments: LedgerEngine.allCases)
    func snapshotIsOfOneMoment(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        var book = UnitBook()
        func append(_ entries: [LedgerEntry]) throws {
            try ledger.commit(entries, as: self.first)
            for entry in entries { book.apply(entry) }
        }
        try append([.opened(self.first), .granted(LotID(1), total: 1_000_000)])
        for start in stride(from: UInt64(0), to: 60_000, by: 500) {
            try append((1...500).map { .reserved(self.order(start + $0)) })
        }
        var number: UInt64 = 100_000
        while try ledger.continueSnapshot(of: book, as: self.first) {
            number += 1
            try append([
                .reserved(self.order(number)), .confirmed(self.order(number - 99_000), payment: PaymentID("p")!),
                .nonce(number),
            ])
        }
        let again = try box.open()
        self.expectEqual(try again.recover(), book)
        #expect(again.replayedEntries < 100)
    }

    @Test("an older incarnation writes no snapshot", arguments: LedgerEngine.allCases)
    func olderIncarnationWritesNoSnapshot(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(Incarnation(3))], as: Incarnation(3))
        #expect(throws: StorageError.superseded(path: box.name, current: 3)) {
            try ledger.takeSnapshot(of: UnitBook(), as: Incarnation(2))
        }
    }

    @Test("a snapshot of the version before branches is read") func versionWithoutBranchesIsRead() {
        var book = UnitBook()
        for entry in self.entries {
            if case .branched = entry { continue }
            book.apply(entry)
        }
        var pieces = BookPieces(book)
        var reader = BookPiecesReader()
        while var piece = pieces.next() {
            piece[0] = 1
            if piece[1] == 0 {
                let branches = piece.removeLast()
                #expect(branches == 0, "the state ends with the number of branches")
            }
            let isRead = piece.withUnsafeBytes { reader.read($0) }
            #expect(isRead)
        }
        self.expectEqual(UnitBook(reader.parts), book)
    }

    @Test("pieces of any content are read without harm") func anyPieceIsReadWithoutHarm() throws {
        var book = UnitBook()
        for entry in self.entries { book.apply(entry) }
        var pieces = BookPieces(book)
        while let piece = pieces.next() {
            for index in piece.indices {
                for change: UInt8 in [1, 0x80, 0xFF] {
                    var changed = piece
                    changed[index] ^= change
                    var reader = BookPiecesReader()
                    if changed.withUnsafeBytes({ reader.read($0) }) { _ = UnitBook(reader.parts) }
                    _ = piece.prefix(index).withUnsafeBytes { reader.read($0) }
                }
            }
        }
    }
}
