import Testing
import TrancheAPI
import TrancheCore

/// What is made of a payment provider's answers.
@Suite("Answers of a payment provider") struct ProviderReadingTests {
    static let order = OrderID(high: 1, low: 2)
    static let payment = PaymentID("p1")!
    static let euros = Money(minor: 500, currency: Currency("EUR")!)!

    private func charge(
        _ payment: String = "p1", order: OrderID = Self.order, amount: Int64 = 500, currency: String = "EUR",
        refunded: Int64 = 0
    ) -> ChargeDocument {
        ChargeDocument(
            payment: PaymentID(payment)!, order: order, amount: amount, currency: currency, refunded: refunded)
    }

    private func read(_ charges: [ChargeDocument], status: Int = 200, order: OrderID = Self.order) -> ProviderAnswer {
        let body = JSON.encode(ChargesDocument(order: order, payments: charges))
        return ProviderReading.payments(status: status, body: body, of: Self.order).answer
    }

    @Test("a list of payments is a yes, an empty list is a no") func clearAnswers() {
        #expect(self.read([self.charge()]) == .paid([Payment(id: Self.payment, amount: Self.euros)]))
        #expect(self.read([self.charge(refunded: 500)]) == .paid([Payment(id: Self.payment, amount: Self.euros)]))
        #expect(self.read([]) == .unpaid)
        let two = self.read([self.charge(), self.charge("p2", amount: 1)])
        guard case .paid(let payments) = two else { return #expect(Bool(false), "\(two)") }
        #expect(payments.map(\.amount.minor) == [500, 1])
    }

    @Test("everything else is unknown, and says why") func unclearAnswers() {
        for status in [201, 204, 301, 302, 400, 401, 403, 404, 429, 500, 503] {
            #expect(self.read([], status: status) == .unknown, "\(status)")
        }
        #expect(self.read([], order: OrderID(high: 3, low: 4)) == .unknown, "another order's answer")
        for charge in [
            self.charge(order: OrderID(high: 3, low: 4)), self.charge(amount: 0), self.charge(amount: -5),
            self.charge(amount: Limits.amount + 1), self.charge(currency: "eur"), self.charge(currency: "EURO"),
            self.charge(refunded: 501), self.charge(refunded: -1),
        ] { #expect(self.read([charge]) == .unknown, "\(charge)") }
        #expect(self.read([self.charge(), self.charge()]) == .unknown, "one payment twice")
        let many = (0...Limits.paymentsPerOrder).map { self.charge("p\($0)") }
        #expect(self.read(many) == .unknown)
        for text in ["", "{}", "[]", "<html>", #"{"status":"fine"}"#, #"{"payments":[]}"#, "null"] {
            let (answer, reason) = ProviderReading.payments(status: 200, body: Array(text.utf8), of: Self.order)
            #expect(answer == .unknown && reason != nil, "\(text)")
        }
    }

    @Test("a refund counts as done only if the answer is about this very refund") func refunds() {
        let refund = Refund(
            order: Self.order, number: 2, payment: Self.payment, amount: Self.euros, reason: .alreadyPaid)
        func answer(
            _ state: RefundDocument.State, status: Int = 200, key: String = "refund:\(Self.order):2",
            amount: Int64 = 500, of refund: Refund
        ) -> RefundAnswer {
            let body = JSON.encode(
                RefundDocument(
                    key: key, order: Self.order, payment: Self.payment, amount: amount, currency: "EUR", state: state))
            return ProviderReading.refund(status: status, body: body, of: refund).answer
        }
        #expect(answer(.done, of: refund) == .done)
        #expect(answer(.pending, status: 201, of: refund) == .pending)
        guard case .refused = answer(.failed, of: refund) else { return #expect(Bool(false), "a failed refund") }
        #expect(answer(.done, key: "refund:\(Self.order):1", of: refund) == .unknown)
        let other = RefundAnswer.refused(reason: "it has another refund there: 499 EUR of p1")
        #expect(answer(.done, amount: 499, of: refund) == other, "asking again would not change it")
        let elsewhere = Refund(
            order: Self.order, number: 2, payment: PaymentID("p2")!, amount: Self.euros, reason: .alreadyPaid)
        #expect(answer(.done, of: elsewhere) == .refused(reason: "it has another refund there: 500 EUR of p1"))
        let whole = Refund(order: Self.order, number: 2, payment: Self.payment, reason: .orderOver)
        #expect(answer(.done, amount: 499, of: whole) == .done, "whatever the whole payment was")
        for status in [401, 403, 429, 500, 503] { #expect(answer(.done, status: status, of: refund) == .unknown) }
        for status in [400, 404, 409, 422] {
            let body = Array(#"{"code":"refund_too_high"}"#.utf8)
            #expect(
                ProviderReading.refund(status: status, body: body, of: refund).answer
                    == .refused(reason: "status \(status), refund_too_high"))
        }
        #expect(ProviderReading.refund(status: 200, body: Array("{}".utf8), of: refund).answer == .unknown)
    }

    @Test("the body of a refund names its amount, or stands for the whole payment") func bodies() {
        let refund = Refund(order: Self.order, payment: Self.payment, amount: Self.euros, reason: .alreadyPaid)
        #expect(RefundBody(refund).amount == 500)
        #expect(RefundBody(refund).currency == "EUR")
        let whole = RefundBody(Refund(order: Self.order, payment: Self.payment, reason: .orderOver))
        #expect(whole.amount == nil && whole.currency == nil)
    }
}
