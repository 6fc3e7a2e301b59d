/// What was received for one order, and what of it has to be given back. The ledger keeps it for orders with payments in parts,
/// or with refunds: of any other paid order, its one payment is its amount.
package struct OrderMoney: Hashable, Sendable {
    /// Totals, each payment once, in the order in which they first came.
    package internal(set) var received: [Payment] = []
    /// In the order of their numbers.
    package internal(set) var refunds: [Refund] = []

    package init(received: [Payment] = [], refunds: [Refund] = []) {
        (self.received, self.refunds) = (received, refunds)
    }

    package func knows(_ payment: PaymentID) -> Bool { self.received.contains { $0.id == payment } }

    /// All that was taken with a payment so far; 0 if it is not known.
    package func total(of payment: PaymentID) -> Int64 {
        self.received.first { $0.id == payment }?.amount.minor ?? 0
    }

    /// What has to be given back of a payment.
    package func refunded(of payment: PaymentID) -> Int64 {
        self.refunds.reduce(0) { $0 + ($1.payment == payment ? $1.amount.minor : 0) }
    }

    package func owesRefund(of payment: PaymentID) -> Bool { self.refunds.contains { $0.payment == payment } }

    /// Whether a payment whose amount is not known has to be given back: then that is all of it.
    package func owesAll(of payment: PaymentID) -> Bool {
        self.refunds.contains { $0.payment == payment && $0.amount.isNone }
    }

    /// What was received in a currency, without what has to be given back.
    package func kept(in currency: Currency) -> Int64 {
        let received = self.received.reduce(0) { $0 + ($1.amount.currency == currency ? $1.amount.minor : 0) }
        return self.refunds.reduce(received) { $0 - ($1.amount.currency == currency ? $1.amount.minor : 0) }
    }

    package var nextRefund: Int { (self.refunds.last?.number ?? 0) + 1 }

    mutating func receive(_ payment: Payment) {
        if let index = self.received.firstIndex(where: { $0.id == payment.id }) {
            guard payment.amount.minor > self.received[index].amount.minor else { return }
            self.received[index] = payment
        } else {
            self.received.append(payment)
        }
    }

    /// A payment of which everything is given back has no entry of its own: its refunds say what was received.
    mutating func owe(_ refund: Refund) {
        var refund = refund
        if refund.number == 0 { refund.number = self.nextRefund }
        self.refunds.append(refund)
        guard !refund.amount.isNone else { return }
        self.receive(Payment(id: refund.payment, amount: refund.amount.with(minor: self.refunded(of: refund.payment))))
    }

    mutating func refunded(_ number: Int) {
        if let index = self.refunds.firstIndex(where: { $0.number == number }) { self.refunds[index].isDone = true }
    }
}

extension UnitBook {
    /// All refunds, those that are done included.
    package var refunds: Set<Refund> { Set(self.money.values.flatMap(\.refunds)) }

    package func owesRefund(_ order: OrderID, payment: PaymentID) -> Bool {
        self.money[order]?.owesRefund(of: payment) == true
    }

    package func money(of id: OrderID) -> OrderMoney {
        guard let order = self.orders[id] else { return self.money[id] ?? OrderMoney() }
        return self.money(of: order, payment: self.orders.payment(of: id))
    }

    /// - Parameter payment: The one that completed the order's amount: what the others do not account for came with it.
    func money(of order: Order, payment: PaymentID?) -> OrderMoney {
        var money = self.money[order.id] ?? OrderMoney()
        if order.state == .paid, !order.price.isNone, let payment, !money.knows(payment) {
            let rest = order.amount.minor - money.kept(in: order.price.currency)
            money.received.append(Payment(id: payment, amount: order.amount.with(minor: rest)))
        }
        return money
    }
}
