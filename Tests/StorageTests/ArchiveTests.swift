import Foundation
import GRDB
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Archives of settled lots") struct ArchiveTests {
    let folder: String
    var path: String { self.folder + "/ledger.sqlite" }
    var archive: String { LotArchive.folder(of: self.path) }
    private let first = Incarnation(1)
    private static let settled = LotID(1)
    private static let live = LotID(2)
    private static let count: UInt64 = 40

    init() throws { self.folder = try TemporaryFolder.make() }

    private func open() throws -> UnitLedger {
        try UnitLedger(path: self.path, unit: UnitID(1), newID: LedgerID(77))
    }

    private func order(_ number: UInt64, _ lot: LotID) -> Order {
        Order(
            id: OrderID(high: number &* 0x9E37_79B9_7F4A_7C15, low: UInt64(lot.rawValue)),
            buyer: BuyerID("b\(number)")!,
            lot: lot, quantity: 1, buyerLimit: 1, generation: Generation(1),
            stamp: Stamp(rawValue: number * 10 + UInt64(lot.rawValue)), deadline: Instant(microseconds: 9))
    }

    private func payment(_ number: UInt64) -> PaymentID { PaymentID("p\(number)")! }

    /// Sells of both lots, in the same commits. Every order of the first lot ends: half of them paid, half expired.
    private func sell() throws {
        let ledger = try self.open()
        try ledger.commit(
            [
                .opened(self.first), .ceiling(Stamp(rawValue: 1 << 40)), .granted(Self.settled, total: 100),
                .granted(Self.live, total: 100),
            ], as: self.first)
        for number in 1...Self.count {
            let mine = self.order(number, Self.settled)
            try ledger.commit([.reserved(mine), .reserved(self.order(number, Self.live))], as: self.first)
            try ledger.commit(
                [number % 2 == 0 ? .confirmed(mine, payment: self.payment(number)) : .released(mine, state: .expired)],
                as: self.first)
            try ledger.commit([.nonce(number)], as: self.first)
        }
    }

    /// The steps of an archiving, each of which a crash may follow.
    private var steps: [(UnitLedger) throws -> Void] {
        let lot = Self.settled
        var steps: [(UnitLedger) throws -> Void] = [
            { _ in
                try FileManager.default.createDirectory(atPath: self.archive, withIntermediateDirectories: true)
                try Data([1, 2, 3]).write(to: URL(fileURLWithPath: LotArchive.path(lot, in: self.archive) + ".new"))
            },
            { _ = try LotArchive.write(lot, of: $0.recover().orders, in: self.archive) },
            { ledger in
                let archived = try LotArchive.write(lot, of: ledger.recover().orders, in: self.archive)
                try ledger.commit([.archived(archived)], as: self.first)
            },
            { ledger in _ = try ledger.continueSnapshot(of: ledger.recover(), as: self.first) },
            { ledger in
                let book = try ledger.recover()
                while try ledger.continueSnapshot(of: book, as: self.first) {}
            },
            { _ in _ = try JournalArchive.copy(from: self.path, before: 30) },
        ]
        let copy = { (ledger: UnitLedger) -> LedgerHead? in
            _ = try ledger.recover()
            return try ledger.movableBefore.flatMap { try JournalArchive.copy(from: self.path, before: $0) }
        }
        steps.append { _ = try copy($0) }
        for rows in [1, 10, 1_000] {
            steps.append { ledger in
                guard let end = try copy(ledger) else { return }
                _ = try ledger.deleteMoved(upTo: end, rows: rows, as: self.first)
            }
        }
        return steps
    }

    /// Each order is in one place, and the whole history is under its digests.
    private func check(_ step: Int) throws {
        let ledger = try self.open()
        let book = try ledger.recover()
        let orders = OrderArchive(folder: self.archive)
        orders.set(Array(book.archived.keys))
        for number in 1...Self.count {
            #expect(book.orders[self.order(number, Self.live).id]?.state == .reserved, "step \(step)")
            let id = self.order(number, Self.settled).id
            var found: [StoredOrder] = []
            if let order = book.orders[id] { found.append(.init(order: order, payment: book.orders.payment(of: id))) }
            if case .order(let stored) = orders.order(id, second: nil) { found.append(stored) }
            #expect(found.count == 1, "step \(step): order \(number) is in \(found.count) places")
            #expect(found.first?.order.state == (number % 2 == 0 ? .paid : .expired))
            #expect(found.first?.payment == (number % 2 == 0 ? self.payment(number) : nil))
        }
        #expect(book[Self.settled].sold == Int(Self.count) && book[Self.settled].cancelled == Int(Self.count) / 2)
        #expect(book.held(by: BuyerID("b3")!, lot: Self.live) == 1)
        let audit = try LedgerAudit(path: self.path)
        #expect(audit.commits.allSatisfy { $0.isChained }, "step \(step)")
        let entries = audit.commits.compactMap(\.entries).flatMap { $0 }
        #expect(entries.filter { if case .reserved = $0 { true } else { false } }.count == 2 * Int(Self.count))
        for commit in audit.commits { #expect(try ledger.head(at: commit.head.position) == commit.head) }
    }

    @Test("a crash after any step leaves each order in one place, and the archiving can go on")
    func crashAfterAnyStepLeavesOneState() throws {
        let steps = self.steps
        for last in steps.indices {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: self.path + suffix) }
            try? FileManager.default.removeItem(atPath: self.archive)
            try self.sell()
            try self.check(-1)
            // Each step has a process of its own: what was in memory is lost before the next one.
            for step in steps[...last] { try step(self.open()) }
            try self.check(last)
            // The next process goes on: with the file, or with the snapshot.
            let next = try self.open().recover().archived.isEmpty ? 1 : 4
            for step in steps[next...] { try step(self.open()) }
            try self.check(last)
        }
    }

    @Test("after the archiving a start needs neither the lot's orders nor its commits")
    func startNeedsNoArchivedCommits()
        throws
    {
        try self.sell()
        let before = try LedgerAudit(path: self.path)
        for step in self.steps { try step(self.open()) }
        let ledger = try self.open()
        let book = try ledger.recover()
        #expect(book.orders.count == Int(Self.count))
        #expect(ledger.replayedEntries <= 2)
        let rows = try DatabaseQueue(path: self.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM journal")!
        }
        #expect(rows <= 3, "the commit of the snapshot, and what follows")
        let after = try LedgerAudit(path: self.path)
        #expect(Array(after.commits.map(\.head).prefix(before.commits.count)) == before.commits.map(\.head))
        // The limits of buyers who are still there are held.
        #expect(throws: StorageError.self) {
            let more = Order(
                id: OrderID(high: 1, low: 99), buyer: BuyerID("b3")!, lot: Self.live, quantity: 1, buyerLimit: 1,
                generation: Generation(1), stamp: Stamp(rawValue: 1 << 30), deadline: Instant(microseconds: 9))
            try ledger.commit([.reserved(more)], as: self.first)
        }
        // Without its snapshot, the ledger is read from its first commit on.
        try DatabaseQueue(path: self.path).write { try $0.execute(sql: "DELETE FROM snapshots") }
        let whole = try self.open()
        let again = try whole.recover()
        #expect(again.orders == book.orders && again.accounts == book.accounts && again.archived == book.archived)
        #expect(whole.replayedEntries > 4 * Int(Self.count))
    }

    @Test("without the archived commits, a ledger that must be read as a whole is damaged")
    func missingCommitsAreDamage()
        throws
    {
        try self.sell()
        for step in self.steps { try step(self.open()) }
        try DatabaseQueue(path: self.path).write { try $0.execute(sql: "DELETE FROM snapshots") }
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: self.archive + "/journal.sqlite" + suffix)
        }
        #expect(throws: StorageError.self) { _ = try self.open().recover() }
    }

    @Test("archives of a ledger that was replaced by an older copy are kept") func archivesOfReplacedLedgerAreKept()
        throws
    {
        try self.sell()
        let copy = self.folder + "/copy.sqlite"
        try LedgerCopy.make(of: self.path, at: copy)
        let ledger = try self.open()
        let more = self.order(1_000, Self.settled)
        try ledger.commit([.reserved(more), .confirmed(more, payment: self.payment(7))], as: self.first)
        for step in self.steps { try step(self.open()) }
        let journal = try Data(contentsOf: URL(fileURLWithPath: self.archive + "/journal.sqlite")).count
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: self.path + suffix) }
        try FileManager.default.moveItem(atPath: copy, toPath: self.path)

        // The copy goes another way, and archives the lot, too.
        let restored = try self.open()
        try restored.commit([.opened(Incarnation(2))], as: Incarnation(2))
        let archived = try LotArchive.write(Self.settled, of: restored.recover().orders, in: self.archive)
        try restored.commit([.archived(archived)], as: Incarnation(2))
        try restored.takeSnapshot(of: restored.recover(), as: Incarnation(2))
        let position = try #require(try restored.movableBefore)
        #expect(throws: StorageError.self) { try JournalArchive.copy(from: self.path, before: position) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.archive + "/journal.sqlite")).count == journal)
        let former = LotArchive.path(Self.settled, in: self.archive) + ".former-1"
        #expect(FileManager.default.fileExists(atPath: former), "it has an order that no other file has")
        #expect(try LedgerAudit(path: self.path).commits.allSatisfy { $0.isChained })
    }

    @Test("strangers' questions are limited, a payment's is not") func lookupsAreLimited() throws {
        try self.sell()
        for step in self.steps { try step(self.open()) }
        let orders = OrderArchive(folder: self.archive)
        let id = self.order(2, Self.settled).id
        guard case .unknown = orders.order(id, second: 5) else {
            Issue.record("no lot is named yet")
            return
        }
        orders.set([Self.settled])
        func isOverloaded(_ found: OrderArchive.Found) -> Bool { if case .overloaded = found { true } else { false } }
        for _ in 0..<OrderArchive.lookupsPerSecond { #expect(!isOverloaded(orders.order(id, second: 5))) }
        #expect(isOverloaded(orders.order(id, second: 5)))
        #expect(!isOverloaded(orders.order(id, second: nil)))
        #expect(!isOverloaded(orders.order(id, second: 6)))
        if case .order = orders.order(OrderID(high: 1, low: 1), second: 7) { Issue.record("there is no such order") }
        try FileManager.default.removeItem(atPath: LotArchive.path(Self.settled, in: self.archive))
        let other = OrderArchive(folder: self.archive)
        other.set([Self.settled])
        guard case .unreadable = other.order(id, second: 8) else {
            Issue.record("a missing file is not an unknown order")
            return
        }
    }
}
