import Foundation
import Testing
import TrancheAPI
import TrancheCore

@Suite("Documents with money") struct MoneyDocumentTests {
    private static func eur(_ minor: Int64) -> Money { Money(minor: minor, currency: Currency("EUR")!)! }
    private static let id = OrderID(high: 1, low: 2)

    private func order(_ price: Money, _ state: OrderState = .reserved, paid: Int64 = 0, reference: String? = nil)
        -> Order
    {
        Order(
            id: Self.id, buyer: BuyerID("b")!, lot: LotID(1), quantity: 2, buyerLimit: 2, generation: Generation(1),
            state: state, stamp: Stamp(rawValue: 9), deadline: Instant(microseconds: 9), price: price, paid: paid,
            reference: reference.flatMap { OrderReference($0) })
    }

    @Test("an order's amount is its price times its quantity, and both encoders write the same") func orders() throws {
        for one in [
            self.order(Self.eur(1_000), paid: 300, reference: "a \"b\" / \\"), self.order(.none, reference: "x"),
            self.order(Self.eur(7), .paid, paid: 14), self.order(.none),
        ] { #expect(Array(OrderDocument.json(one).utf8) == JSON.encode(OrderDocument(one))) }
        let document = OrderDocument(self.order(Self.eur(1_000), paid: 300))
        #expect((document.amount, document.currency, document.paid) == (2_000, "EUR", 300))
        #expect(OrderDocument(self.order(.none)).amount == nil)
    }

    @Test(
        "a callback with an amount that cannot be is refused, and names it",
        arguments: [
            (#""amount": -5, "currency": "EUR""#, "invalid_amount"),
            (#""amount": 0, "currency": "EUR""#, "invalid_amount"),
            (#""amount": 1000000000000001, "currency": "EUR""#, "invalid_amount"),
            (#""currency": "EUR""#, "invalid_amount"),
            (#""amount": 5"#, "invalid_currency"), (#""amount": 5, "currency": "eur""#, "invalid_currency"),
            (#""amount": 5, "currency": "EURO""#, "invalid_currency"),
            (#""amount": 5, "currency": "E1R""#, "invalid_currency"),
        ]) func badCallbacks(fields: String, code: String) throws
    {
        let text = #"{"order": "\#(Self.id)", "payment": "p", \#(fields)}"#
        let body = try JSON.decode(PaymentBody.self, from: Array(text.utf8))
        let problem = #expect(throws: Problem.self) { try body.notice }
        #expect(problem?.code == code && problem?.status == 400)
    }

    @Test("a callback is a notice, with or without an amount") func callbacks() throws {
        let plain = PaymentBody(order: Self.id, payment: PaymentID("p")!)
        #expect(try plain.notice == PaymentNotice(order: Self.id, payment: PaymentID("p")!))
        let whole = PaymentBody(order: Self.id, payment: PaymentID("p")!, amount: Self.eur(5), lot: LotID(3))
        let read = try JSON.decode(PaymentBody.self, from: JSON.encode(whole))
        #expect(
            try read.notice
                == PaymentNotice(order: Self.id, payment: PaymentID("p")!, amount: Self.eur(5), lot: LotID(3)))
    }

    @Test("a currency is three capital letters, and comes back from its number") func currencies() {
        for code in ["AAA", "EUR", "ZZZ"] {
            #expect(Currency(code)?.code == code)
            #expect(Currency(rawValue: Currency(code)!.rawValue)?.code == code)
        }
        for code in ["", "EU", "EURO", "eur", "E R", "ÄUR", "EU\u{0}"] { #expect(Currency(code) == nil) }
        for number: UInt16 in [0, 1, 31, 0x7FFF, 0xFFFF] { #expect(Currency(rawValue: number) == nil) }
        #expect(Money(minor: -1, currency: Currency("EUR")!) == nil)
        #expect(Money(minor: Limits.amount + 1, currency: Currency("EUR")!) == nil)
    }

    @Test("a price that cannot be is refused with the lot's number; a second round has the price of the first")
    func prices() throws {
        func config(_ price: LotPrice?) -> SaleConfig {
            let lot = SaleConfig.Lot(
                id: LotID(7), name: "x", stock: 5, perBuyerLimit: 2, poolPermille: 0, price: price)
            return SaleConfig(sales: [
                SaleConfig.Sale(
                    id: "s", name: "s", startsAtMilliseconds: 1, endsAtMilliseconds: 2,
                    paymentWindowMilliseconds: 1_000,
                    lots: [lot])
            ])
        }
        try config(nil).validate()
        try config(LotPrice(amount: Limits.price, currency: "JPY")).validate()
        for price in [
            LotPrice(amount: 0, currency: "EUR"), LotPrice(amount: -1, currency: "EUR"),
            LotPrice(amount: Limits.price + 1, currency: "EUR"), LotPrice(amount: 1, currency: "euro"),
        ] {
            let problem = #expect(throws: Problem.self) { try config(price).validate() }
            #expect(problem?.detail.contains("lot 7") == true)
        }
        let sale = config(LotPrice(amount: 5, currency: "EUR"))
        let next = try sale.secondRound(
            of: sale.sales[0], id: "t", left: [LotID(7): 3], startsAtMilliseconds: 5, endsAtMilliseconds: nil)
        #expect(next.lots.map(\.price) == [LotPrice(amount: 5, currency: "EUR")])
    }

    @Test("events of payments and refunds have amounts, and a refund has its key") func events() throws {
        func data(_ entry: LedgerEntry) throws -> [String: Any] {
            let event = try #require(entry.events(at: 5, generation: Generation(1)).first)
            let body = Data(WebhookBody.json(event, unit: UnitID(1)))
            let read = try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any])
            return try #require(read["data"] as? [String: Any])
        }
        let payment = PaymentID("p")!
        let reserved = try data(.reserved(self.order(Self.eur(1_000), reference: "cart")))
        #expect((reserved["amount"] as? Int, reserved["currency"] as? String) == (2_000, "EUR"))
        #expect((reserved["paid"] as? Int, reserved["reference"] as? String) == (0, "cart"))
        let received = try data(.received(Self.id, Payment(id: payment, amount: Self.eur(300)), paid: 250))
        #expect((received["amount"] as? Int, received["paid"] as? Int) == (300, 250))
        let due = try data(
            .refundDue(Refund(order: Self.id, number: 3, payment: payment, amount: Self.eur(9), reason: .overPaid)))
        #expect((due["amount"] as? Int, due["refund"] as? String) == (9, "refund:\(Self.id):3"))
        #expect(due["isByProvider"] as? Bool == false)
        #expect(try data(.refunded(RefundKey(order: Self.id, number: 3)))["refund"] as? String == "refund:\(Self.id):3")
        var expired = self.order(Self.eur(1_000))
        expired.state = .expired
        let revived = try data(.revived(expired, payment: payment))
        #expect((revived["state"] as? String, revived["paid"] as? Int) == ("paid", 2_000))
        #expect(try data(.refundDue(Self.id, payment: payment, reason: .orderOver))["refund"] == nil)
    }
}
