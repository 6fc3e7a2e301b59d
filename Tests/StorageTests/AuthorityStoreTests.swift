import Foundation
import GRDB
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Authority log") struct AuthorityStoreTests {
    @Test("records come back, over a snapshot too, and an older epoch writes nothing")
    func recordsComeBackOverSnapshot() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        var book = AuthorityBook()
        for number in 1...1_200 {
            let records: [AuthorityRecord] = number == 1 ? [.epoch(Epoch(1))] : [.issued(LotID(1), quantity: number)]
            for record in records { book.apply(record) }
            let head = LedgerHead(position: UInt64(number), digest: .init(high: 1, low: UInt64(number)))
            try store.append(records, witnesses: [UnitID(4): head], as: Epoch(1))
        }
        let (again, witnesses) = try AuthorityStore(path: path).recover()
        #expect(again.lots[LotID(1)]?.issued == book.lots[LotID(1)]?.issued)
        #expect(witnesses[UnitID(4)]?.position == 1_200)
        try store.append([.epoch(Epoch(2))], witnesses: [UnitID(4): nil], as: Epoch(2))
        #expect(throws: StorageError.superseded(path: path, current: 2)) {
            try store.append([.issued(LotID(1), quantity: 1)], witnesses: [:], as: Epoch(1))
        }
        #expect(try store.witnesses().isEmpty)
        #expect(try store.log().count == 1_201)
    }

    @Test("the names of a snapshot's fields stay, so that a newer center reads it") func snapshotKeepsItsNames() throws
    {
        var book = AuthorityBook()
        book.apply(
            .registered(UnitID(4), LedgerID(7), Generation(1), Incarnation(1), session: 3))
        book.apply(.issued(LotID(1), quantity: 5))
        book.apply(.granted(LotID(1), UnitID(4), Generation(1), total: 2))
        let account = try #require(book.lots[LotID(1)]?.accounts.first)
        let text = String(decoding: try JSONEncoder().encode(account), as: UTF8.self)
        for name in ["unit", "generation", "granted", "allocated", "returned", "standing"] {
            #expect(text.contains("\"\(name)\":"), "\(text)")
        }
        #expect(try JSONDecoder().decode(AuthorityBook.Account.self, from: Data(text.utf8)) == account)
    }

    @Test("carried items come back from the log and from a snapshot; a lot of an earlier version has none")
    func carriedItemsComeBack() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        let carries = [
            Carry(from: LotID(1), to: LotID(3), quantity: 5), Carry(from: LotID(2), to: LotID(4), quantity: 4),
        ]
        let records: [AuthorityRecord] = [
            .issued(LotID(1), quantity: 9), .issued(LotID(2), quantity: 4), .carried(carries),
        ]
        var book = AuthorityBook()
        for record in records { book.apply(record) }
        let position = try #require(try store.append(records, witnesses: [:], as: Epoch(1)))
        #expect(try store.log() == records)
        for _ in ["the log", "the snapshot"] {
            let again = try AuthorityStore(path: path).recover().book
            let (first, third) = (try #require(again.lots[LotID(1)]), try #require(again.lots[LotID(3)]))
            #expect(first.issued == 9 && first.pool == 4 && first.carried == 5 && first.origin == nil)
            #expect(third.issued == 5 && third.pool == 5 && third.carried == nil && third.origin == carries[0])
            for lot in 1...4 as ClosedRange<UInt32> { #expect(again.isConserved(LotID(lot))) }
            try store.append(snapshot: book, at: position, as: Epoch(1))
            try Self.write("DELETE FROM records", path)
        }
        let earlier = #"{"issued":5,"pool":5,"isFrozen":false,"accounts":[]}"#
        let lot = try JSONDecoder().decode(AuthorityBook.Lot.self, from: Data(earlier.utf8))
        #expect(lot.carried == nil && lot.origin == nil)
    }

    @Test("an act is stored with its records, or neither is") func actIsStoredWithItsRecords() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        try store.append([.epoch(Epoch(1))], witnesses: [:], as: Epoch(1))
        let act = OperatorAct(key: "monday", what: "add 5 to lot 1")
        try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act], as: Epoch(1))
        #expect(try store.act("monday") == act && store.act("tuesday") == nil)
        // The same key again fails as a whole: the stock is not added either.
        #expect(throws: StorageError.self) {
            try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act], as: Epoch(1))
        }
        // So does every write of an older center.
        try store.append([.epoch(Epoch(2))], witnesses: [:], as: Epoch(2))
        #expect(throws: StorageError.self) {
            try store.append([], witnesses: [:], acts: [OperatorAct(key: "late", what: "pause")], as: Epoch(1))
        }
        let again = try AuthorityStore(path: path)
        #expect(try again.act("monday") == act && again.act("late") == nil)
        #expect(try again.log().count == 3)
    }

    @Test("beyond the limit the oldest acts are deleted") func oldestActsAreForgotten() throws {
        let store = try AuthorityStore(path: try TemporaryFolder.make() + "/authority.sqlite")
        try store.append([.epoch(Epoch(1))], witnesses: [:], as: Epoch(1))
        let all = (0...AuthorityStore.actsLimit).map { OperatorAct(key: "key \($0)", what: "pause") }
        try store.append([], witnesses: [:], acts: all, as: Epoch(1))
        #expect(try store.act("key 0") == nil && store.act("key 1") == all[1])
        #expect(try store.act("key \(AuthorityStore.actsLimit)") != nil)
    }

    /// A batch in which orders of one unit pass; every tenth one waits.
    private static func batch(_ number: Int, count: Int) -> ContestBatch {
        let passed = (0..<count).map { place in
            let index = (number - 1) * count + place
            let stamp = Stamp(rawValue: UInt64(index))
            return ContestBatch.Entrant(
                order: OrderID(high: 1, low: UInt64(index)), unit: UnitID(4), generation: Generation(1), quantity: 1,
                place: Place(stamp: stamp, tie: 0), stamp: stamp, uncertainty: 0, isLate: false, index: index)
        }
        return ContestBatch(
            number: UInt64(number), at: .distantPast, frontier: passed.last?.place ?? .zero, passed: passed,
            allocated: [], released: passed.map(\.order).filter { $0.low % 10 != 0 }, waited: [])
    }

    private static func write(_ sql: String, _ path: String) throws {
        try DatabaseQueue(path: path).write { try $0.execute(sql: sql) }
    }

    @Test("a contest comes back from a snapshot with every verdict, and each verdict is written once")
    func contestComesBackFromSnapshot() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        var book = AuthorityBook()
        func add(_ records: [AuthorityRecord]) throws -> Int64 {
            for record in records { book.apply(record) }
            return try store.append(records, witnesses: [:], as: Epoch(1)) ?? 0
        }
        var position = try add([
            .issued(LotID(1), quantity: 5), .contended(LotID(1), .init(policy: .stamp, waitlist: 10_000)),
        ])
        for number in 1...9 {
            position = try add([.contest(LotID(1), Self.batch(number, count: 1_500))])
            if number % 3 == 0 { try store.append(snapshot: book, at: position, as: Epoch(1)) }
        }
        let contest = try #require(book.lots[LotID(1)]?.contest)
        #expect(contest.verdicts[UnitID(4)]?.count == 13_500)
        #expect(try AuthorityStore(path: path).recover().book.lots[LotID(1)]?.contest == contest)
        // The snapshot is what is read: without the log before it, the book is the same.
        try Self.write("DELETE FROM records WHERE position <= \(position)", path)
        #expect(try AuthorityStore(path: path).recover().book.lots[LotID(1)]?.contest == contest)
        #expect(try DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM verdicts") } == 4)
        _ = try add([.contest(LotID(1), Self.batch(10, count: 1_500))])
        #expect(try AuthorityStore(path: path).recover().book.lots[LotID(1)]?.contest == book.lots[LotID(1)]?.contest)
    }

    @Test("a snapshot without all of its verdicts is not used: the log has everything")
    func incompleteSnapshotIsSkipped() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        var book = AuthorityBook()
        let records: [AuthorityRecord] = [
            .issued(LotID(1), quantity: 5), .contended(LotID(1), .init(policy: .stamp, waitlist: 10)),
            .contest(LotID(1), Self.batch(1, count: 30)),
        ]
        for record in records { book.apply(record) }
        let position = try #require(try store.append(records, witnesses: [:], as: Epoch(1)))
        try store.append(snapshot: book, at: position, as: Epoch(1))
        for damage in ["UPDATE verdicts SET verdicts = x'0102'", "DELETE FROM verdicts"] {
            try Self.write(damage, path)
            #expect(
                try AuthorityStore(path: path).recover().book.lots[LotID(1)]?.contest == book.lots[LotID(1)]?.contest)
        }
    }
}
