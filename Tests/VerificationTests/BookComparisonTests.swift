import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// The ledgers beside the book of a shop.
@Suite("Books side by side") struct BookComparisonTests {
    private static func id(_ number: UInt64) -> OrderID { OrderID(high: 1, low: number) }

    private static func order(_ number: UInt64, _ state: OrderState = .reserved) -> Order {
        var order = Order(
            id: Self.id(number), buyer: BuyerID("buyer\(number)")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 9))
        order.state = state
        return order
    }

    @Test("equal books have no finding, and the table counts orders by state and refunds") func equalBooks() {
        let book: [OrderID: BookedOrder] = [
            Self.id(1): BookedOrder(state: "paid", payment: "p1"),
            Self.id(2): BookedOrder(state: "paid", payment: "p2"),
            Self.id(3): BookedOrder(state: "expired", refunds: ["p3", "p4"]),
        ]
        let comparison = BookComparison(ledgers: book, shop: book)
        #expect(comparison.isEqual)
        #expect(comparison.findings.isEmpty)
        #expect(comparison.rows.map(\.name) == ["paid", "expired", "refunds due"])
        #expect(comparison.rows.map(\.ledgers) == [2, 1, 2])
        #expect(comparison.rows.map(\.both) == [2, 1, 2])
    }

    @Test("an order that only one has, another state and another refund are differences") func differences() {
        let ledgers: [OrderID: BookedOrder] = [
            Self.id(1): BookedOrder(state: "paid"), Self.id(2): BookedOrder(state: "expired", refunds: ["p2"]),
            Self.id(3): BookedOrder(state: "expired"),
        ]
        let shop: [OrderID: BookedOrder] = [
            Self.id(2): BookedOrder(state: "expired", refunds: ["p9"]), Self.id(3): BookedOrder(state: "reserved"),
            Self.id(4): BookedOrder(state: "paid"),
        ]
        let comparison = BookComparison(ledgers: ledgers, shop: shop)
        #expect(!comparison.isEqual)
        #expect(comparison.differences == 4)
        #expect(
            comparison.findings == [
                "order \(Self.id(1)): the ledgers say paid, the shop says nothing",
                "order \(Self.id(2)): the ledgers say expired, refunds due: p2, the shop says expired, refunds due: p9",
                "order \(Self.id(3)): the ledgers say expired, the shop says reserved",
                "order \(Self.id(4)): the ledgers say nothing, the shop says paid",
            ])
        let paid = comparison.rows.first { $0.name == "paid" }
        #expect((paid?.ledgers, paid?.shop, paid?.both) == (1, 1, 0), "the numbers agree, the orders do not")
    }

    @Test("an order that is paid by another payment in the shop's book is a difference") func otherPayment() {
        let ledgers = [Self.id(1): BookedOrder(state: "paid", payment: "p1")]
        let shop = [Self.id(1): BookedOrder(state: "paid", payment: "p2")]
        let comparison = BookComparison(ledgers: ledgers, shop: shop)
        #expect(comparison.differences == 1)
        #expect(
            comparison.findings == [
                "order \(Self.id(1)): the ledgers say paid with p1, the shop says paid with p2"
            ])
        #expect(comparison.rows.map(\.both) == [0, 0])
    }

    @Test("of two payments of one order, the provider may be told of one that it is taken") func onePaymentIsTaken() {
        let first = ProviderPayment(order: Self.id(1), payment: "first", isTaken: true)
        let again = ProviderPayment(order: Self.id(1), payment: "again", isTaken: true)
        let paid = [Self.id(1): BookedOrder(state: "paid", payment: "first")]
        #expect(BookComparison(ledgers: paid, shop: paid, provider: [first]).isEqual)
        let both = BookComparison(ledgers: paid, shop: paid, provider: [first, again])
        #expect(
            both.findings == [
                "order \(Self.id(1)): the provider was told that again is taken, the ledgers say paid with first"
            ])
        let owed = [Self.id(1): BookedOrder(state: "paid", payment: "first", refunds: ["first"])]
        #expect(BookComparison(ledgers: owed, shop: owed, provider: [first]).differences == 1, "taken and owed")
    }

    @Test("what the provider was told of a payment must be in the ledgers") func providerIsHeard() {
        let book: [OrderID: BookedOrder] = [
            Self.id(1): BookedOrder(state: "paid", payment: "first", refunds: ["again"]),
            Self.id(2): BookedOrder(state: "expired"),
        ]
        func provider(_ order: UInt64, _ payment: String, _ isTaken: Bool) -> ProviderPayment {
            ProviderPayment(order: Self.id(order), payment: payment, isTaken: isTaken)
        }
        let good = BookComparison(
            ledgers: book, shop: book, provider: [provider(1, "first", true), provider(1, "again", false)])
        #expect(good.isEqual)
        #expect(good.rows.map(\.provider) == [1, nil, 1])
        let bad = BookComparison(
            ledgers: book, shop: book,
            provider: [provider(2, "p", true), provider(2, "q", false), provider(3, "r", true)])
        #expect(bad.differences == 3)
        #expect(
            bad.findings == [
                "order \(Self.id(2)): the provider was told that p is taken, the ledgers say expired",
                "order \(Self.id(2)): the provider was told that q is owed, the ledgers say expired",
                "order \(Self.id(3)): the provider was told that r is taken, the ledgers say nothing",
            ])
    }

    @Test("the ledgers' side is read from the files of the units") func ledgersAreRead() throws {
        let folder = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        _ = try AuthorityStore(path: folder + "/center/authority.sqlite")
        let ledger = try UnitLedger(path: folder + "/units/one/ledger.sqlite", unit: UnitID(1), newID: LedgerID(7))
        let payment = PaymentID("p")!
        try ledger.commit(
            [
                .opened(Incarnation(1)), .ceiling(Stamp(rawValue: 1_000)), .granted(LotID(1), total: 10),
                .reserved(Self.order(1)), .confirmed(Self.order(1), payment: payment),
                .reserved(Self.order(2)), .released(Self.order(2), state: .expired),
                .refundDue(Self.id(2), payment: payment, reason: .orderOver),
                .reserved(Self.order(3)),
                .refundDue(Self.id(9), payment: payment, reason: .unknownOrder),
            ], as: Incarnation(1))
        let booked = try Verifier(folder: folder).bookedOrders
        #expect(
            booked == [
                Self.id(1): BookedOrder(state: "paid", payment: "p"),
                Self.id(2): BookedOrder(state: "expired", refunds: ["p"]),
                Self.id(3): BookedOrder(state: "reserved"),
                Self.id(9): BookedOrder(state: BookedOrder.unheard, refunds: ["p"]),
            ])
    }
}
