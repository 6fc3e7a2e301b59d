import Foundation
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
}
