import TrancheCore

// Checks of payments: a buyer who paid has the item or is owed a refund, by the ledger.

extension Checker {
    mutating func paymentAnswered(_ unit: UnitID, _ order: OrderID, _ payment: PaymentID, _ answer: Answer) {
        let isConfirmed = self.confirmed[unit]?[order] == payment
        let isOwed = self.refunds[unit]?.contains(Refund(order: order, payment: payment)) == true
        switch answer {
        case .order:
            self.expect(isConfirmed, "I4", "payment \(payment) was taken, but the ledger of unit \(unit) has none")
        case .refused(.alreadyPaid), .refused(.paymentTooLate), .refused(.unknownPayment):
            self.expect(isOwed, "I4", "payment \(payment) could not be applied, but unit \(unit) owes no refund")
        case .refused(.unknownOrder):
            let isKnown =
                self.ledgerOrders[unit]?.contains(order) == true || self.contestedOrders[unit]?.contains(order) == true
            self.expect(!isKnown, "I4", "unit \(unit) says that it does not know order \(order)")
        case .refused: break
        }
    }

    /// Judges the same again after the faults. A ledger that was set back is not evidence any more.
    mutating func paymentKept(_ unit: UnitID, _ order: OrderID, _ payment: PaymentID, _ answer: Answer) {
        guard !self.excused.contains(order) else { return }
        self.paymentAnswered(unit, order, payment, answer)
    }

    mutating func confirmed(_ unit: UnitID, _ order: Order, _ payment: PaymentID) {
        let before = self.confirmed[unit]?[order.id]
        self.expect(before == nil, "I5", "order \(order.id) confirmed by \(payment) after \(before!)")
        self.confirmed[unit, default: [:]][order.id] = payment
    }
}
