import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Accounts of a ledger") struct AccountTests {
    @Test("an account is made by its first change, for each lot and generation, also after a commit that failed")
    func accountIsMadeByItsFirstChange() throws {
        let path = try TemporaryFolder.make() + "/ledger.sqlite"
        let ledger = try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(77))
        func order(_ lot: UInt32, _ generation: UInt32) -> Order {
            Order(
                id: OrderID(high: UInt64(lot), low: UInt64(generation)), buyer: BuyerID("b")!, lot: LotID(lot),
                quantity: 2, buyerLimit: 9, generation: Generation(generation), stamp: Stamp(rawValue: 1),
                deadline: Instant(microseconds: 9))
        }
        try ledger.commit([.opened(Incarnation(1))], as: Incarnation(1))
        #expect(throws: StorageError.self, "nothing was granted") {
            try ledger.commit([.reserved(order(2, 1))], as: Incarnation(1))
        }
        for lot in 1...3 as ClosedRange<UInt32> {
            try ledger.commit([.granted(LotID(lot), total: 5), .reserved(order(lot, 1))], as: Incarnation(1))
        }
        try ledger.commit([.granted(LotID(1), total: 5), .returned(LotID(1), total: 3)], as: Incarnation(1))
        #expect(throws: StorageError.self, "all of it is sold or returned") {
            try ledger.commit([.returned(LotID(1), total: 4)], as: Incarnation(1))
        }
        try ledger.commit(
            [.generation(Generation(2)), .granted(LotID(1), total: 2), .reserved(order(1, 2))], as: Incarnation(1))
        let accounts = try LedgerAudit(path: path).accounts
        #expect(
            accounts.map { [Int($0.lot.rawValue), Int($0.generation.rawValue)] } == [
                [1, 1], [1, 2], [2, 1], [3, 1],
            ])
        #expect(accounts.map(\.counters.granted) == [5, 2, 5, 5])
        #expect(accounts.map(\.counters.sold) == [2, 2, 2, 2])
        #expect(accounts.map(\.counters.returned) == [3, 0, 0, 0])
    }
}
