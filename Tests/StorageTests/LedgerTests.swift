import Foundation
import GRDB
import LedgerRows
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Unit ledger") struct LedgerTests {
    let folder: String
    var path: String { self.folder + "/ledger.sqlite" }

    init() throws { self.folder = try TemporaryFolder.make() }

    private func open(unit: UInt16 = 1) throws -> UnitLedger {
        try UnitLedger(path: self.path, unit: UnitID(unit), newID: LedgerID(77))
    }

    private func order(_ number: UInt64, buyer: String = "a", quantity: Int = 1, limit: Int = 5) -> Order {
        Order(
            id: OrderID(high: number, low: number), buyer: BuyerID(buyer)!, lot: LotID(1), quantity: quantity,
            buyerLimit: limit, generation: Generation(1), stamp: Stamp(rawValue: number),
            deadline: Instant(microseconds: 9))
    }

    private let first = Incarnation(1)

    @Test("appended entries are read back after a restart", arguments: LedgerEngine.allCases)
    func entriesComeBackOverRestart(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let order = self.order(1)
        var released = self.order(2, buyer: "b")
        released.state = .reserved
        let entries: [LedgerEntry] = [
            .opened(self.first), .granted(LotID(1), total: 10), .ceiling(Stamp(rawValue: UInt64.max - 1)),
            .nonce(UInt64.max),
            .reserved(order), .reserved(released), .confirmed(order, payment: PaymentID("p")!),
            .released(released, state: .expired), .returned(LotID(1), total: 3), .soldOut(LotID(1)),
            .refused(OrderID(high: 5, low: 5), lot: LotID(1), reason: .limitReached(held: 1, limit: 2)),
            .refundDue(released.id, payment: PaymentID("late")!, reason: .orderOver), .generation(Generation(2)),
            .granted(LotID(1), total: 4),
        ]
        let ledger = try box.open()
        try ledger.commit(entries, as: self.first)
        let head = ledger.head
        var expected = UnitBook()
        for entry in entries { expected.apply(entry) }

        let again = try box.open()
        let book = try again.recover()
        #expect(again.head == head)
        #expect(again.id == LedgerID(77))
        #expect(book.orders == expected.orders)
        #expect(book.accounts == expected.accounts)
        #expect(book.refused == expected.refused)
        #expect(book.refunds == expected.refunds)
        #expect((book.ceiling, book.nonce) == (expected.ceiling, expected.nonce))
        #expect(book.generation == Generation(2))
        #expect(try again.head(at: head.position) == head)
        #expect(try again.head(at: head.position + 1) == nil)
        // The next generation's sales count against its own grant.
        try again.commit([.returned(LotID(1), total: 4)], as: self.first)
        #expect(throws: StorageError.self) { try again.commit([.returned(LotID(1), total: 5)], as: self.first) }
    }

    @Test(
        "a contest's entries are read back: the queue, the places, and the allocated stock",
        arguments: LedgerEngine.allCases)
    func contestEntriesComeBack(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        func contested(_ number: UInt64, _ buyer: String, _ state: OrderState, deadline: Instant) -> Order {
            var order = self.order(number, buyer: buyer)
            order.state = state
            order.deadline = deadline
            return order
        }
        let waits = (1...4 as ClosedRange<UInt64>).map {
            LedgerEntry.contested(
                contested($0, "b\($0)", .contested, deadline: .distantFuture), uncertaintyMicroseconds: 500 + Int64($0))
        }
        let ends: [LedgerEntry] = [
            .allocated(contested(1, "b1", .reserved, deadline: Instant(microseconds: 77)), isOffer: false),
            .lost(contested(2, "b2", .lost, deadline: Instant(microseconds: 78))),
            .lost(contested(3, "b3", .cancelled, deadline: Instant(microseconds: 79))),
            .allocated(contested(3, "b3", .cancelled, deadline: Instant(microseconds: 79)), isOffer: false),
            .returned(LotID(1), total: 1),
        ]
        let entries = [.opened(self.first), .contended(LotID(1))] + waits + ends
        try box.open().commit(entries, as: self.first)
        var expected = UnitBook()
        for entry in entries { expected.apply(entry) }
        let book = try box.open().recover()
        #expect(book.orders == expected.orders)
        #expect(book.contests == expected.contests)
        #expect(book.contests[LotID(1)]?.map(\.uncertainty) == [501, 502, 503, 504])
        #expect(book.accounts == expected.accounts)
        #expect(book[LotID(1)] == QuotaCounters(allocated: 2, returned: 1, sold: 1))
        #expect(book.contested(by: BuyerID("b4")!, lot: LotID(1)) == 1)
        // Without an allocation there is nothing to sell.
        let ledger = try box.open()
        #expect(throws: StorageError.self) { try ledger.commit([.reserved(self.order(9, buyer: "z"))], as: self.first) }
    }

    @Test("the database refuses to oversell, also when the code above it would", arguments: LedgerEngine.allCases)
    func databaseRefusesOversell(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 2)], as: self.first)
        let before = ledger.head
        let batch = (1...3 as ClosedRange<UInt64>).map { LedgerEntry.reserved(self.order($0, buyer: "b\($0)")) }
        let error = #expect(throws: StorageError.self) { try ledger.commit(batch, as: self.first) }
        guard case .constraint(_, let detail)? = error else {
            Issue.record("expected a constraint, got \(String(describing: error))")
            return
        }
        #expect(detail.contains("no_oversell"))
        #expect(ledger.head == before, "nothing of the batch is in the ledger")
        #expect(try box.open().recover().orders.isEmpty)
        try ledger.commit(Array(batch.prefix(2)), as: self.first)
        #expect(try box.open().recover().orders.count == 2)
    }

    @Test(
        "the ledger holds the per-buyer limit, also when the code above it would not", arguments: LedgerEngine.allCases)
    func ledgerRefusesOverLimit(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try ledger.commit([.reserved(self.order(1, quantity: 2, limit: 2))], as: self.first)
        let error = #expect(throws: StorageError.self) {
            try ledger.commit([.reserved(self.order(2, quantity: 1, limit: 2))], as: self.first)
        }
        #expect("\(error!)".contains("buyer_limit"))
        try ledger.commit([.released(self.order(1, quantity: 2, limit: 2), state: .expired)], as: self.first)
        try ledger.commit([.reserved(self.order(3, quantity: 2, limit: 2))], as: self.first)
    }

    @Test("a batch that was refused leaves no trace in the guards", arguments: LedgerEngine.allCases)
    func refusedBatchLeavesGuardsAlone(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 2)], as: self.first)
        // The third one oversells, so the first two are not held either.
        let batch = (1...3 as ClosedRange<UInt64>).map {
            LedgerEntry.reserved(self.order($0, buyer: "b\($0)", limit: 1))
        }
        #expect(throws: StorageError.self) { try ledger.commit(batch, as: self.first) }
        try ledger.commit(Array(batch.prefix(2)), as: self.first)
        #expect(throws: StorageError.self) {
            try box.open().commit([.reserved(self.order(9, buyer: "b1", limit: 1))], as: self.first)
        }
    }

    @Test("a ledger of an earlier version is converted, under the same digests")
    func earlierVersionIsConverted() throws {
        let entries: [LedgerEntry] = [
            .opened(self.first), .granted(LotID(1), total: 9), .reserved(self.order(1)),
            .refused(OrderID(high: 5, low: 5), lot: LotID(1), reason: .limitReached(held: 1, limit: 2)),
        ]
        let head = try EarlierFile.make(
            at: self.path, commits: [Array(entries.prefix(2)), Array(entries.dropFirst(2))])
        let audit = try LedgerAudit(path: self.path)  // Before it is converted.
        #expect(audit.commits.compactMap(\.entries).flatMap { $0 } == entries)
        #expect(audit.commits.allSatisfy { $0.isChained })
        let again = try self.open()
        #expect(again.id == LedgerID(77))
        #expect(again.head == head)
        var expected = UnitBook()
        for entry in entries { expected.apply(entry) }
        let book = try again.recover()
        #expect(book.orders == expected.orders)
        #expect((book.accounts, book.refused) == (expected.accounts, expected.refused))
        #expect(throws: StorageError.self) {  // The buyer's limit is known from the converted rows.
            try again.commit([.reserved(self.order(7, quantity: 5))], as: self.first)
        }
        try again.commit([.reserved(self.order(2, buyer: "z"))], as: self.first)
    }

    @Test("an older incarnation appends nothing", arguments: LedgerEngine.allCases)
    func olderIncarnationAppendsNothing(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(Incarnation(3))], as: Incarnation(3))
        #expect(throws: StorageError.superseded(path: box.name, current: 3)) {
            try ledger.commit([.nonce(1)], as: Incarnation(2))
        }
        try ledger.commit([.nonce(1)], as: Incarnation(3))
    }

    @Test("a full disk is a clear error, and the ledger stays whole") func fullDiskLeavesLedgerWhole() throws {
        let ledger = try self.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 1_000_000)], as: self.first)
        try ledger.limitPagesForTest(400)
        var kept: UInt64 = 0
        var failure: StorageError?
        while failure == nil, kept < 200_000 {
            let batch = (1...500 as ClosedRange<UInt64>).map {
                LedgerEntry.reserved(self.order(kept + $0, buyer: "b\(kept + $0)"))
            }
            do throws(StorageError) {
                try ledger.commit(batch, as: self.first)
                kept += 500
            } catch { failure = error }
        }
        #expect(failure == .diskFull(path: self.path))
        #expect("\(failure!)".contains("free some space"))
        #expect(
            try self.open().recover().orders.count == Int(kept), "every order that was taken is there, and no other")
    }

    @Test("a file that is not a database, or is another unit's, is refused by name")
    func foreignFileIsRefusedByName() throws {
        _ = try self.open(unit: 1)
        #expect(throws: StorageError.wrongOwner(path: self.path, expected: "unit 2", found: "unit 1")) {
            _ = try self.open(unit: 2)
        }
        let junk = self.folder + "/junk.sqlite"
        try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: junk))
        let error = #expect(throws: StorageError.self) {
            _ = try UnitLedger(path: junk, unit: UnitID(1), newID: LedgerID(1))
        }
        guard case .corrupt? = error else {
            Issue.record("expected corrupt, got \(String(describing: error))")
            return
        }
    }

    @Test("a changed row breaks the hash chain at the next start", arguments: LedgerEngine.allCases)
    func changedRowBreaksHashChain(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try ledger.commit([.reserved(self.order(1))], as: self.first)
        try box.flip(6, at: 3, of: 3)  // The quantity, doubled: behind the kind, the fields and the lot.
        let error = #expect(throws: StorageError.self) { _ = try box.open().recover() }
        #expect("\(error!)".contains("hash chain breaks at position 3"))
    }

    @Test("a locked file is a clear error, and the append can be repeated", arguments: LedgerEngine.allCases)
    func lockedFileAllowsRetry(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first)], as: self.first)
        try box.whileLocked {
            #expect(throws: StorageError.inUse(path: box.name)) { try ledger.commit([.nonce(1)], as: self.first) }
        }
        try ledger.commit([.nonce(1)], as: self.first)
    }

    @Test("a data folder belongs to one process at a time") func folderBelongsToOneProcess() throws {
        let lock = try FolderLock(folder: self.folder)
        #expect(throws: StorageError.inUse(path: self.folder)) { _ = try FolderLock(folder: self.folder) }
        withExtendedLifetime(lock) {}
    }
}

/// A ledger in the form of earlier versions: one row for each entry.
enum EarlierFile {
    /// - Returns: The end of the ledger.
    static func make(at target: String, commits: [[LedgerEntry]]) throws -> LedgerHead {
        var head = LedgerHead.empty
        try DatabaseQueue(path: target).write { database in
            try database.execute(
                sql: """
                    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
                    INSERT INTO grdb_migrations VALUES ('v1'), ('v2: contests');
                    CREATE TABLE entries (
                        position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, lot INTEGER, order_id BLOB, buyer TEXT,
                        quantity INTEGER, detail INTEGER, generation INTEGER, value INTEGER, deadline INTEGER, text TEXT
                    );
                    CREATE TABLE commits (position INTEGER PRIMARY KEY, digest BLOB NOT NULL);
                    CREATE TABLE holdings (lot INTEGER, buyer TEXT, quantity INTEGER, buyer_limit INTEGER);
                    CREATE TABLE identity (only INTEGER PRIMARY KEY, unit INTEGER, ledger INTEGER, incarnation INTEGER,
                        generation INTEGER);
                    INSERT INTO identity VALUES (1, 1, 77, 1, 1);
                    CREATE TABLE accounts (lot INTEGER, generation INTEGER, granted INTEGER DEFAULT 0,
                        allocated INTEGER DEFAULT 0, returned INTEGER DEFAULT 0, sold INTEGER DEFAULT 0,
                        cancelled INTEGER DEFAULT 0, PRIMARY KEY (lot, generation));
                    INSERT INTO accounts (lot, generation, granted, sold) VALUES (1, 1, 9, 1);
                    """)
            for entries in commits {
                var bytes: [UInt8] = []
                for (place, entry) in entries.enumerated() {
                    let row = EntryRow(entry)
                    row.encodeWide(into: &bytes)
                    let order = row.order.map { Self.blob($0.high, $0.low) }
                    try database.execute(
                        sql: "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        arguments: [
                            Int(head.position) + place + 1, row.kind.rawValue, row.lot, order, row.buyer, row.quantity,
                            row.detail, row.generation, row.value, row.deadline, row.text,
                        ])
                }
                head = LedgerHead(
                    position: head.position + UInt64(entries.count),
                    digest: bytes.withUnsafeBytes { HashChain.next(after: head.digest, $0) })
                try database.execute(
                    sql: "INSERT INTO commits VALUES (?, ?)",
                    arguments: [Int(head.position), Self.blob(head.digest.high, head.digest.low)])
            }
        }
        return head
    }

    private static func blob(_ high: UInt64, _ low: UInt64) -> Data {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Data($0) }
    }
}
