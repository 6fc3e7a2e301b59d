import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// What `verify` says of the money of orders.
@Suite("The evidence of money") struct MoneyEvidenceTests {
    private static let order = Order(
        id: OrderID(high: 1, low: 1), buyer: BuyerID("b")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
        generation: Generation(1), stamp: Stamp(rawValue: 1), deadline: Instant(microseconds: 9), price: Self.eur(1_000)
    )
    private static var expired: Order {
        var order = Self.order
        order.state = .expired
        return order
    }
    private static let (p, q) = (PaymentID("p")!, PaymentID("q")!)

    private static func eur(_ minor: Int64) -> Money { Money(minor: minor, currency: Currency("EUR")!)! }
    private func received(_ payment: PaymentID, _ minor: Int64) -> LedgerEntry {
        .received(Self.order.id, Payment(id: payment, amount: Self.eur(minor)), paid: 0)
    }
    private func due(_ number: Int, _ payment: PaymentID, _ minor: Int64) -> LedgerEntry {
        .refundDue(
            Refund(
                order: Self.order.id, number: number, payment: payment, amount: Self.eur(minor), reason: .orderOver))
    }

    /// The findings of `verify` about I13, if the ledger has these entries.
    private func findings(_ entries: LedgerEntry...) throws -> [String] {
        let folder = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        try store.append([.epoch(Epoch(1))], witnesses: [:], as: Epoch(1))
        let ledger = try UnitLedger(path: folder + "/units/one/ledger.sqlite", unit: UnitID(1), newID: LedgerID(7))
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(rawValue: 1_000)), .granted(LotID(1), total: 10)],
            as: Incarnation(1))
        try ledger.commit([.reserved(Self.order)], as: Incarnation(1))
        for entry in entries { try ledger.commit([entry], as: Incarnation(1)) }
        return try #require(try Verifier(folder: folder).report().checks.first { $0.invariant == "I13" }).findings
    }

    @Test("money that is an order's price, a part of it, or due back, is no finding") func sound() throws {
        #expect(try self.findings().isEmpty)
        #expect(try self.findings(.confirmed(Self.order, payment: Self.p)).isEmpty)
        #expect(try self.findings(self.received(Self.p, 300)).isEmpty)
        #expect(try self.findings(self.received(Self.p, 300), .confirmed(Self.order, payment: Self.q)).isEmpty)
        #expect(
            try self.findings(
                self.received(Self.p, 1_200), .confirmed(Self.order, payment: Self.p), self.due(1, Self.p, 200),
                self.due(2, Self.q, 50), .refunded(RefundKey(order: Self.order.id, number: 2))
            ).isEmpty)
        #expect(
            try self.findings(
                self.received(Self.p, 300), .released(Self.order, state: .expired), self.due(1, Self.p, 300),
                .revived(Self.expired, payment: Self.q)
            ).isEmpty)
    }

    @Test("money that is missing, kept, or due back twice, is a finding") func broken() throws {
        #expect(try self.findings(self.received(Self.p, 300), .released(Self.order, state: .expired)).count == 1)
        #expect(
            try self.findings(self.received(Self.p, 1_200), .confirmed(Self.order, payment: Self.p)).count == 1,
            "200 are nowhere")
        #expect(try self.findings(self.received(Self.p, 900), .confirmed(Self.order, payment: Self.p)).count == 1)
        #expect(try self.findings(self.received(Self.p, 1_000)).count == 1, "it is not paid")
        #expect(
            try !self.findings(
                .confirmed(Self.order, payment: Self.p), self.due(1, Self.q, 50), self.due(1, Self.q, 50)
            ).isEmpty, "a number twice")
        #expect(
            try self.findings(
                .confirmed(Self.order, payment: Self.p), .refunded(RefundKey(order: Self.order.id, number: 1))
            ).count == 1, "it was never due")
    }
}
