import Foundation
import GRDB
import LedgerRows
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Heartbeats of a ledger") struct HeartbeatTests {
    let folder: String
    var path: String { self.folder + "/ledger.sqlite" }
    private let first = Incarnation(1)

    init() throws { self.folder = try TemporaryFolder.make() }

    private func open() throws -> UnitLedger {
        try UnitLedger(path: self.path, unit: UnitID(1), newID: LedgerID(77))
    }

    private func order(_ number: UInt64) -> LedgerEntry {
        .reserved(
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 5, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9)))
    }

    /// The heads after each of `count` nonces; every third commit brings a ceiling, too.
    private func beat(_ ledger: any LedgerStore, _ count: UInt64) throws -> [LedgerHead] {
        try (1...count).map { number in
            if number % 3 == 0 { try ledger.commit([.ceiling(Stamp(rawValue: 1_000 + number))], as: self.first) }
            try ledger.commit([.nonce(number)], as: self.first)
            return ledger.head
        }
    }

    @Test("an idle unit's journal does not grow, and its heads are all different", arguments: LedgerEngine.allCases)
    func idleJournalDoesNotGrow(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        let heads = try self.beat(ledger, 1_000)
        #expect(try box.rows() == 2)
        for (last, next) in zip(heads, heads.dropFirst()) {
            #expect(next.position > last.position && next.digest != last.digest)
        }
        let book = try box.open().recover()
        #expect((book.nonce, book.ceiling) == (1_000, Stamp(rawValue: 1_999)))
        // The next order closes the row: it stays, and the journal goes on behind it.
        try ledger.commit([self.order(1)], as: self.first)
        _ = try self.beat(ledger, 10)
        #expect(try box.rows() == 4)
        #expect(try box.open().recover().orders.count == 1)
    }

    @Test(
        "the heads that were replaced last stay provable, over restarts and for ever once the row is closed",
        arguments: LedgerEngine.allCases)
    func replacedHeadsAreProvable(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let limit = UInt64(HeartbeatRow.headsLimit)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        let opened = ledger.head
        let heads = try self.beat(ledger, limit + 10)
        let provable = heads.suffix(HeartbeatRow.headsLimit + 1)
        func check(_ ledger: any LedgerStore) throws {
            #expect(try ledger.head(at: opened.position) == opened)
            for head in provable { #expect(try ledger.head(at: head.position) == head) }
            for head in heads.prefix(9) { #expect(try ledger.head(at: head.position) == nil) }
        }
        try check(ledger)
        try check(box.open())
        try ledger.commit([self.order(1)], as: self.first)
        _ = try self.beat(ledger, 2 * limit)
        try check(ledger)
        try check(box.open())
        let commits = try box.audit().commits
        for head in provable { #expect(commits.contains { $0.proves(head) }) }
    }

    @Test(
        "a copy that lacks heartbeats only does not prove the head that the center saw",
        arguments: LedgerEngine.allCases)
    func copyWithoutHeartbeatsIsDetected(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first)], as: self.first)
        _ = try self.beat(ledger, 5)
        let copy = try box.copy()
        let seen = try self.beat(ledger, 1)[0]
        // The copy goes on by itself, too: it has another nonce at the same position.
        let restored = try copy.open()
        #expect(try restored.head(at: seen.position) == nil)
        try restored.commit([.nonce(99)], as: self.first)
        let told = try restored.head(at: seen.position)
        #expect(told != nil && told != seen)
        #expect(try ledger.head(at: seen.position) == seen)
    }

    @Test(
        "a ceiling alone moves no head, outlives a restart, and is in the journal before the next order",
        arguments: LedgerEngine.allCases)
    func ceilingAloneMovesNoHead(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9), .nonce(1)], as: self.first)
        let head = ledger.head
        for stamp: UInt64 in [500, 900] { try ledger.commit([.ceiling(Stamp(rawValue: stamp))], as: self.first) }
        #expect(ledger.head == head)
        #expect(try box.rows() == 1)
        let again = try box.open()
        #expect(try again.recover().ceiling == Stamp(rawValue: 900))
        try again.commit([self.order(700)], as: self.first)
        let entries = try box.audit().commits.compactMap(\.entries)
        #expect(entries.last == [.ceiling(Stamp(rawValue: 900)), self.order(700)])
        // A ceiling that an operator set back does not come again.
        try again.commit([.ceilingReset(Stamp(rawValue: 100))], as: self.first)
        #expect(try box.open().recover().ceiling == Stamp(rawValue: 100))
    }

    @Test(
        "a changed heartbeat breaks the hash chain: its place, and the heads that it replaced",
        arguments: LedgerEngine.allCases, [1, 17, 40])
    func changedHeartbeatBreaksChain(engine: LedgerEngine, offset: Int) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first)], as: self.first)
        _ = try self.beat(ledger, 3)
        #expect(try box.audit().commits.allSatisfy(\.isChained))
        try box.flip(1, at: offset, of: 4)
        #expect(throws: StorageError.self) { _ = try box.open().recover() }
        #expect(try !box.audit().commits.allSatisfy(\.isChained))
    }

    @Test("a heartbeat that was moved to another position breaks the hash chain", arguments: LedgerEngine.allCases)
    func movedHeartbeatBreaksChain(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first)], as: self.first)
        _ = try self.beat(ledger, 3)
        try box.execute("UPDATE journal SET position = 9 WHERE position = 4")
        #expect(throws: StorageError.self) { _ = try box.open().recover() }
    }

    @Test("a heartbeat that the disk refuses leaves the one before it", arguments: LedgerEngine.allCases)
    func refusedHeartbeatLeavesLastOne(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try ledger.commit([.opened(self.first)], as: self.first)
        let heads = try self.beat(ledger, 3)
        try box.whileLocked {
            #expect(throws: StorageError.inUse(path: box.name)) { try ledger.commit([.nonce(9)], as: self.first) }
        }
        #expect(ledger.head == heads.last)
        try ledger.commit([.nonce(10)], as: self.first)
        #expect(try ledger.head(at: heads.last!.position) == heads.last)
        #expect(try box.open().recover().nonce == 10)
    }

    @Test("verify says the same of a ledger of an earlier version before and after it is converted")
    func convertedLedgerIsJudgedAlike() throws {
        let commits: [[LedgerEntry]] = [
            [.opened(self.first), .granted(LotID(1), total: 9)], [.ceiling(Stamp(rawValue: 99))], [.nonce(5)],
            [self.order(1)], [.nonce(6)], [.nonce(7)],
        ]
        let head = try EarlierFile.make(at: self.path, commits: commits)
        let before = try LedgerAudit(path: self.path)
        let ledger = try self.open()
        let after = try LedgerAudit(path: self.path)
        #expect(after.commits.map(\.head) == before.commits.map(\.head))
        #expect(after.commits.map(\.entries) == before.commits.map(\.entries))
        #expect(after.commits.allSatisfy { $0.isChained })
        // Its nonces stay rows of their own: every head that was seen before stays provable.
        try ledger.commit([.nonce(8)], as: self.first)
        try ledger.commit([.nonce(9)], as: self.first)
        for commit in before.commits { #expect(try ledger.head(at: commit.head.position) == commit.head) }
        #expect(ledger.head.position == head.position + 2)
        #expect(try self.open().recover().nonce == 9)
    }
}
