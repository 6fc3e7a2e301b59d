import Foundation
import Storage
import TestSupport
import TrancheAPI
import TrancheCore

/// The data folder of a small sale: ten items of lot 1, of which unit 1 got six.
struct SoldFolder {
    static let lot = LotID(1)
    static let unit = UnitID(1)
    static let incarnation = Incarnation(1)

    let path: String
    let ledger: UnitLedger
    let store: AuthorityStore
    var ledgerPath: String { self.path + "/units/one/ledger.sqlite" }

    static func order(_ number: UInt64, generation: Generation = Generation(1)) -> Order {
        Order(
            id: OrderID(high: 1, low: number), buyer: BuyerID("b\(number)")!, lot: Self.lot, quantity: 1,
            buyerLimit: 1, generation: generation, stamp: Stamp(rawValue: number),
            deadline: Instant(microseconds: 9))
    }

    /// Orders 1 and 3 are paid, order 2 has expired and was paid too late, and order 4 is one of another sale.
    init(state: String = "settled") throws {
        self.path = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: self.path + name, withIntermediateDirectories: true)
        }
        self.store = try AuthorityStore(path: self.path + "/center/authority.sqlite")
        self.ledger = try UnitLedger(
            path: self.path + "/units/one/ledger.sqlite", unit: Self.unit, newID: LedgerID(7))
        let content = """
            {"units":[],"sales":[{"id":"test","name":"A <b>test</b>","state":"\(state)","startsAtMilliseconds":0,\
            "endsAtMilliseconds":9,"paymentWindowMilliseconds":1000,"lots":[{"id":1,"name":"lot","stock":10,\
            "perBuyerLimit":1,"poolPermille":0}]},{"id":"other","name":"other","state":"open",\
            "startsAtMilliseconds":0,"endsAtMilliseconds":9,"paymentWindowMilliseconds":1000,"lots":[{"id":2,\
            "name":"lot","stock":5,"perBuyerLimit":1,"poolPermille":0}]}]}
            """
        try self.store.append(
            .init(
                version: 1, checksum: ConfigPush.checksum(of: content), content: Data(content.utf8),
                at: Instant(microseconds: 1), actor: "test", note: ""), as: Epoch(1))
        try self.record([
            .epoch(Epoch(1)), .issued(LotID(2), quantity: 5), .issued(Self.lot, quantity: 10),
            .granted(Self.lot, Self.unit, Generation(1), total: 6),
            .granted(LotID(2), Self.unit, Generation(1), total: 1),
        ])
        let other = Order(
            id: OrderID(high: 2, low: 4), buyer: BuyerID("b4")!, lot: LotID(2), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: 4), deadline: Instant(microseconds: 9))
        try self.commit([
            .opened(Self.incarnation), .ceiling(Stamp(rawValue: 1_000)), .granted(Self.lot, total: 6),
            .granted(LotID(2), total: 1),
            .reserved(Self.order(1)), .reserved(Self.order(2)), .reserved(Self.order(3)), .reserved(other),
        ])
        try self.commit([
            .confirmed(Self.order(1), payment: PaymentID("p1")!), .released(Self.order(2), state: .expired),
            .refundDue(Self.order(2).id, payment: PaymentID("p2")!, reason: .orderOver),
            .refundDue(OrderID(high: 9, low: 9), payment: PaymentID("p9")!, reason: .unknownOrder),
            .confirmed(Self.order(3), payment: PaymentID("p3")!),
        ])
    }

    func commit(_ entries: [LedgerEntry]) throws { try self.ledger.commit(entries, as: Self.incarnation) }

    func record(_ records: [AuthorityRecord]) throws {
        try self.store.append(records, witnesses: [:], as: Epoch(1))
    }
}
