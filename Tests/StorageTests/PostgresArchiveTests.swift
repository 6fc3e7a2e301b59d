import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

/// The orders of a settled lot leave the unit's memory for rows of the ledger's own database.
@Suite("Archives in PostgreSQL", .timeLimit(.minutes(2))) struct PostgresArchiveTests {
    private static let first = Incarnation(1)
    private static let settled = LotID(1)
    private static let live = LotID(2)
    private static let count: UInt64 = 1_200

    private static func order(_ number: UInt64, _ lot: LotID) -> Order {
        Order(
            id: OrderID(high: number &* 0x9E37_79B9_7F4A_7C15, low: UInt64(lot.rawValue)),
            buyer: BuyerID("b\(number)")!, lot: lot, quantity: 1, buyerLimit: 1, generation: Generation(1),
            stamp: Stamp(rawValue: number * 10 + UInt64(lot.rawValue)), deadline: Instant(microseconds: 9))
    }

    private static func payment(_ number: UInt64) -> PaymentID { PaymentID("p\(number)")! }

    /// Sells of both lots. Every order of the first one ends: half of them paid, half expired.
    private static func sell(_ ledger: any LedgerStore) throws {
        try ledger.commit(
            [
                .opened(self.first), .ceiling(Stamp(rawValue: 1 << 40)), .granted(self.settled, total: 2_000),
                .granted(self.live, total: 2_000),
            ], as: self.first)
        for begin in stride(from: 1, through: self.count, by: 100) {
            let numbers = begin..<begin + 100
            try ledger.commit(
                numbers.flatMap { number -> [LedgerEntry] in
                    [.reserved(self.order(number, self.settled)), .reserved(self.order(number, self.live))]
                }, as: self.first)
            try ledger.commit(
                numbers.map { number in
                    let mine = self.order(number, self.settled)
                    return number % 2 == 0
                        ? .confirmed(mine, payment: self.payment(number)) : .released(mine, state: .expired)
                }, as: self.first)
        }
    }

    private static func archives(_ box: LedgerBox) throws -> ArchiveLocation {
        try box.open().archives(in: try TemporaryFolder.make())
    }

    /// The steps of an archiving, each of which a crash may follow: rows, the entry that decides, the snapshot.
    private static let steps: [@Sendable (LedgerBox) throws -> Void] = [
        { box in
            // Rows of a call that was broken off.
            var some = OrderTable()
            for stored in try box.open().recover().orders.prefix(700) where stored.state == .expired {
                some.set(stored)
            }
            _ = try Self.archives(box).write(Self.settled, of: some)
        },
        { box in _ = try Self.archives(box).write(Self.settled, of: box.open().recover().orders) },
        { box in
            let ledger = try box.open()
            let archived = try Self.archives(box).write(Self.settled, of: ledger.recover().orders)
            try ledger.commit([.archived(archived)], as: Self.first)
        },
        { box in
            let ledger = try box.open()
            _ = try ledger.continueSnapshot(of: ledger.recover(), as: Self.first)
        },
        { box in
            let ledger = try box.open()
            let book = try ledger.recover()
            while try ledger.continueSnapshot(of: book, as: Self.first) {}
        },
    ]

    /// Each order is in one place, and the whole history is under its digests.
    private static func check(_ box: LedgerBox, _ step: Int) throws {
        let ledger = try box.open()
        let book = try ledger.recover()
        let orders = OrderArchive(ledger.archives(in: ""))
        orders.set(Array(book.archived.keys))
        for number in 1...self.count where number % 7 == 0 || number < 5 {
            #expect(book.orders[self.order(number, self.live).id]?.state == .reserved, "step \(step)")
            let id = self.order(number, self.settled).id
            var found: [StoredOrder] = []
            if let order = book.orders[id] { found.append(.init(order: order, payment: book.orders.payment(of: id))) }
            if case .order(let stored) = orders.order(id, second: nil) { found.append(stored) }
            #expect(found.count == 1, "step \(step): order \(number) is in \(found.count) places")
            #expect(found.first?.order.state == (number % 2 == 0 ? .paid : .expired))
            #expect(found.first?.payment == (number % 2 == 0 ? self.payment(number) : nil))
        }
        let (sold, half) = (Int(self.count), Int(self.count) / 2)
        #expect(book[self.settled].sold == sold && book[self.settled].cancelled == half, "step \(step)")
        let audit = try box.audit()
        #expect(audit.commits.allSatisfy { $0.isChained }, "step \(step)")
        let entries = audit.commits.compactMap(\.entries).flatMap { $0 }
        #expect(entries.filter { if case .reserved = $0 { true } else { false } }.count == 2 * sold)
        for archived in book.archived.values {
            #expect(archived.orders == sold)
            #expect(try audit.archives.forEachOrder(archived.lot) { _ in } == archived)
        }
    }

    @Test("a process that is lost after any step leaves each order in one place, and the archiving can go on")
    func lossAfterAnyStepLeavesOneState() throws {
        for last in Self.steps.indices {
            let box = try LedgerBox(.postgres)
            try Self.sell(box.open())
            for step in Self.steps[...last] { try step(box) }
            try Self.check(box, last)
            let next = try box.open().recover().archived.isEmpty ? 1 : 4
            for step in Self.steps[next...] { try step(box) }
            try Self.check(box, last)
            let ledger = try box.open()
            #expect(try ledger.recover().orders.count == Int(Self.count), "the lot that is on sale")
            #expect(ledger.replayedEntries <= 2)
        }
    }

    @Test("the ledger does not name a lot whose orders are not all there") func missingRowsAreRefused() throws {
        let box = try LedgerBox(.postgres)
        let ledger = try box.open()
        try Self.sell(ledger)
        let archived = try Self.archives(box).write(Self.settled, of: ledger.recover().orders)
        try box.execute("DELETE FROM archived_orders WHERE id = (SELECT id FROM archived_orders ORDER BY id LIMIT 1)")
        let head = ledger.head
        let error = #expect(throws: StorageError.self) { try ledger.commit([.archived(archived)], as: Self.first) }
        guard case .constraint? = error else {
            Issue.record("expected a constraint, got \(String(describing: error))")
            return
        }
        #expect(try ledger.recover().archived.isEmpty && ledger.head == head)
        #expect(try Self.archives(box).write(Self.settled, of: ledger.recover().orders) == archived)
        try ledger.commit([.archived(archived)], as: Self.first)
        try Self.check(box, -1)
    }

    @Test("orders of another history are found out, and the lot stays in memory") func otherRowsAreRefused() throws {
        let box = try LedgerBox(.postgres)
        let ledger = try box.open()
        try Self.sell(ledger)
        var other = OrderTable()
        var stranger = Self.order(9_999, Self.settled)
        stranger.state = .expired
        other.set(stranger)
        _ = try Self.archives(box).write(Self.settled, of: other)
        #expect(throws: StorageError.self) {
            try Self.archives(box).write(Self.settled, of: ledger.recover().orders)
        }
        // Before the ledger names the lot, nobody finds them.
        let orders = OrderArchive(try Self.archives(box))
        orders.set([Self.live])
        guard case .unknown = orders.order(stranger.id, second: nil) else {
            Issue.record("the lot is not named")
            return
        }
    }

    @Test("archived orders go with a ledger from a file to PostgreSQL and back") func archivesAreCopied() throws {
        let file = try LedgerBox(.sqlite)
        let ledger = try file.open()
        try Self.sell(ledger)
        let folder = LotArchive.folder(of: file.name)
        let archived = try LotArchive.write(Self.settled, of: ledger.recover().orders, in: folder)
        try ledger.commit([.archived(archived)], as: Self.first)
        try ledger.takeSnapshot(of: ledger.recover(), as: Self.first)
        let end = try #require(
            try ledger.movableBefore.flatMap { try JournalArchive.copy(from: file.name, before: $0) })
        while try ledger.deleteMoved(upTo: end, rows: 100, as: Self.first) {}

        let there = try file.copyInto(.postgres)
        try Self.check(there, 0)
        let back = try there.copyInto(.sqlite)
        let heads = try file.audit().commits.map(\.head)
        for copy in [there, back] { #expect(try copy.audit().commits.map(\.head) == heads) }
        let orders = OrderArchive(folder: LotArchive.folder(of: back.name))
        orders.set([Self.settled])
        guard case .order(let stored) = orders.order(Self.order(2, Self.settled).id, second: nil) else {
            Issue.record("the file of the lot is missing")
            return
        }
        #expect(stored.payment == Self.payment(2))
        try FileManager.default.removeItem(atPath: LotArchive.path(Self.settled, in: folder))
        #expect(throws: StorageError.self) { try file.copyInto(.postgres) }
    }

    @Test("a lot that an earlier version left in a file beside the folder is read there") func oldFilesAreRead() throws
    {
        let box = try LedgerBox(.postgres)
        let ledger = try box.open()
        try Self.sell(ledger)
        let folder = try TemporaryFolder.make()
        let archived = try LotArchive.write(Self.settled, of: ledger.recover().orders, in: folder)
        let archives = ledger.archives(in: folder)
        #expect(try archives.forEachOrder(Self.settled) { _ in } == archived)
        let orders = OrderArchive(archives)
        orders.set([Self.settled])
        guard case .order = orders.order(Self.order(2, Self.settled).id, lot: Self.settled, second: 1) else {
            Issue.record("it is in the file")
            return
        }
    }

    @Test("while the server is away nothing is unknown; when it is back, orders are found again")
    func lossOfServerIsNoAnswer() throws {
        let server = try PrivatePostgres()
        var settings = PostgresLedger.Settings(allowsUnreplicated: true)
        settings.lookupMilliseconds = 5_000
        let ledger = try PostgresLedger(
            try PostgresTarget(server.target), unit: UnitID(1), newID: LedgerID(77), settings: settings)
        try Self.sell(ledger)
        let archives = ledger.archives(in: "")
        try ledger.commit(
            [.archived(try archives.write(Self.settled, of: ledger.recover().orders))], as: Self.first)
        let orders = OrderArchive(archives)
        orders.set([Self.settled])
        let (known, unknown) = (Self.order(2, Self.settled).id, OrderID(high: 1, low: 1))
        guard case .order = orders.order(known, second: 1), case .unknown = orders.order(unknown, second: nil) else {
            Issue.record("one is there, one is not")
            return
        }
        server.crash()
        for _ in 0..<3 {
            guard case .unreadable = orders.order(unknown, second: nil) else {
                Issue.record("nobody knows")
                return
            }
        }
        try server.start()
        for attempt in 0..<200 {
            if case .order = orders.order(known, second: Int64(attempt + 3)) { return }
            usleep(50_000)
        }
        Issue.record("the archive is not read again")
    }
}
