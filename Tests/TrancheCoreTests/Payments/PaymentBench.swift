import Testing
import TrancheCore

extension Money {
    static func eur(_ minor: Int64) -> Money { Money(minor: minor, currency: Currency("EUR")!)! }
    static func usd(_ minor: Int64) -> Money { Money(minor: minor, currency: Currency("USD")!)! }
}

extension Bench {
    /// A lot whose items cost 10.00 EUR each.
    static func selling(
        _ granted: Int, limit: Int = 2, provider: ProviderTerms? = nil
    ) -> Bench {
        Bench(granted: granted, limit: limit, price: .eur(1_000), provider: provider)
    }

    /// One notice of a payment, and the answer to it.
    @discardableResult
    func pay(_ order: OrderID, _ payment: String, _ amount: Money = .none, lot: LotID? = nil) -> Answer? {
        let before = self.others.count
        self.feed(
            .payment(
                PaymentNotice(order: order, payment: PaymentID(payment)!, amount: amount, lot: lot), ticket: 1))
        return self.others.count > before ? self.others.last : nil
    }

    func wait(milliseconds: Int64) {
        self.now = self.now.advanced(milliseconds: milliseconds)
        self.feed(.tick)
    }

    /// The refunds of an order, by their numbers: payment, amount and reason.
    func due(_ order: OrderID) -> [String] {
        self.machine.book.money(of: order).refunds.map { "\($0.number) \($0.payment) \($0.amount) \($0.reason)" }
    }

    func state(_ order: OrderID) -> OrderState? { self.machine.book.orders.state(of: order) }

    /// What the ledger says, read again.
    var replayed: UnitBook {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        for entry in self.entries { book.apply(entry) }
        return book
    }
}
