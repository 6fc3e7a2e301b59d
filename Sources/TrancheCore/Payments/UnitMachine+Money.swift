// What a payment does to an order.
//
// Amounts are totals, merged by the maximum like all counters here, so a notice may come late, out of order and many times. What
// an order has of its currency is then always: what it costs, if it is paid; less than that, while it is reserved; nothing, after
// it has ended. Everything else that was received is due back, in a refund with a number of its own.

extension UnitMachine {
    /// Takes one notice of a payment, from a callback or from an answer of the provider.
    ///
    /// - Parameters:
    ///   - archived: The order, if it has left the book.
    ///   - ticket: Who waits for the answer; `nil` if nobody does.
    ///   - mayWait: Whether a late payment may wait for its lot's next step; not when that step is being made.
    /// - Returns: `false` if nothing was decided, because the unit cannot sell now: it has to be told again.
    @discardableResult mutating func take(
        _ notice: PaymentNotice, of archived: StoredOrder? = nil, ticket: UInt64?, mayWait: Bool = true, now: Instant,
        into output: inout UnitOutput
    ) -> Bool {
        let inBook = self.book.orders[notice.order].map {
            StoredOrder(order: $0, payment: self.book.orders.payment(of: notice.order))
        }
        let stored = archived ?? inBook
        if stored?.order.price.isNone != false, let refusal = self.excess(notice, stored?.payment, into: &output) {
            Self.answer(ticket, .refused(refusal), into: &output)
            return true
        }
        guard let stored else {
            // A ledger that was replaced may have had it. A payment is never dropped.
            self.oweRefund(notice, .unknownOrder, into: &output)
            Self.answer(ticket, .refused(.unknownPayment(notice.order)), into: &output)
            return true
        }
        if stored.order.price.isNone {
            Self.answer(ticket, self.takeWithoutPrice(notice, stored, into: &output), into: &output)
            return true
        }
        let money = self.book.money(of: stored.order, payment: stored.payment)
        if let refusal = self.contradiction(in: notice, stored.order, money, into: &output) {
            Self.answer(ticket, .refused(refusal), into: &output)
            return true
        }
        let delta = money.owesAll(of: notice.payment) ? 0 : notice.amount.minor - money.total(of: notice.payment)
        if delta > 0, self.mayRevive(stored.order, notice, delta, isArchived: archived != nil, now: now) {
            return self.takeLate(notice, delta, stored.order, ticket, mayWait: mayWait, now: now, into: &output)
        }
        if delta > 0 { self.book(notice, delta, stored.order, money, into: &output) }
        Self.answer(ticket, self.answer(to: notice, archived), into: &output)
        return true
    }

    static func answer(_ ticket: UInt64?, _ answer: Answer, into output: inout UnitOutput) {
        if let ticket { output.add(.answerTicket(ticket, answer)) }
    }

    /// Why a notice is refused without any trace, or `nil`.
    private mutating func contradiction(
        in notice: PaymentNotice, _ order: Order, _ money: OrderMoney, into output: inout UnitOutput
    ) -> Refusal? {
        let isKnown = money.knows(notice.payment) || money.owesRefund(of: notice.payment)
        if notice.amount.isNone { return isKnown ? nil : .amountMissing(order.id, amount: order.amount) }
        if let known = money.received.first(where: { $0.id == notice.payment }),
            known.amount.currency != notice.amount.currency
        {
            self.disbelieve(
                "payment \(notice.payment) of order \(order.id) was in \(known.amount.currency), and is in "
                    + "\(notice.amount.currency) now", into: &output)
            return .otherCurrency(order.id, of: notice.amount.currency, expected: known.amount.currency)
        }
        let isNew = notice.amount.minor > money.total(of: notice.payment)
        guard isNew, !isKnown, money.received.count >= Limits.paymentsPerOrder else {
            guard isNew, money.refunds.count >= Limits.paymentsPerOrder else { return nil }
            return self.tooMany(order.id, into: &output)
        }
        return self.tooMany(order.id, into: &output)
    }

    /// The limit for orders without a price, and for those that the ledger does not know: each payment of them is a refund, but
    /// for the one that pays.
    ///
    /// - Parameter paying: The payment that the order was paid with.
    private mutating func excess(
        _ notice: PaymentNotice, _ paying: PaymentID?, into output: inout UnitOutput
    ) -> Refusal? {
        guard let money = self.book.money[notice.order], money.refunds.count >= Limits.paymentsPerOrder,
            notice.payment != paying, !money.owesAll(of: notice.payment)
        else { return nil }
        let isNoted =
            money.owesRefund(of: notice.payment) && notice.amount.minor <= money.refunded(of: notice.payment)
        return isNoted ? nil : self.tooMany(notice.order, into: &output)
    }

    private mutating func tooMany(_ order: OrderID, into output: inout UnitOutput) -> Refusal {
        self.disbelieve(
            "order \(order) has \(Limits.paymentsPerOrder) payments or refunds: a further one was refused",
            into: &output)
        return .tooManyPayments(order, limit: Limits.paymentsPerOrder)
    }

    /// Writes new money of a payment down: the part that the order can take, and the refund of the rest.
    ///
    /// - Parameter delta: What was taken with the payment since the last notice of it.
    private mutating func book(
        _ notice: PaymentNotice, _ delta: Int64, _ order: Order, _ money: OrderMoney, into output: inout UnitOutput
    ) {
        let isKept = money.total(of: notice.payment) > money.refunded(of: notice.payment)
        let reason: RefundReason
        if let lot = notice.lot, lot != order.lot {
            reason = .otherLot
        } else if notice.amount.currency != order.price.currency {
            reason = .otherCurrency
        } else {
            switch order.state {
            case .reserved: return self.add(notice, delta, to: order, money, into: &output)
            case .paid: reason = isKept ? .overPaid : .alreadyPaid
            case .cancelled, .expired, .contested, .lost: reason = .orderOver
            }
        }
        // Of a payment that the order keeps a part of, the refund alone does not say what was received.
        if isKept { self.append(.received(order.id, notice.total, paid: order.paid), into: &output) }
        self.oweRefund(notice, reason, minor: delta, into: &output)
    }

    private mutating func add(
        _ notice: PaymentNotice, _ delta: Int64, to reserved: Order, _ money: OrderMoney, into output: inout UnitOutput
    ) {
        var order = reserved
        let missing = order.amount.minor - order.paid
        order.paid += min(delta, missing)
        if delta != missing || money.knows(notice.payment) {
            self.append(.received(order.id, notice.total, paid: order.paid), into: &output)
        }
        if delta >= missing {
            self.append(.confirmed(reserved, payment: notice.payment), into: &output)
            order.state = .paid
            if order.generation == self.book.generation { self.lots[order.lot]?.paid += Int(order.quantity) }
        }
        output.add(.changed(order))
        if delta > missing { self.oweRefund(notice, .overPaid, minor: delta - missing, into: &output) }
    }

    /// What somebody who asks about a payment is told, also the second time.
    func answer(to notice: PaymentNotice, _ archived: StoredOrder?) -> Answer {
        let inBook = self.book.orders[notice.order].map {
            StoredOrder(order: $0, payment: self.book.orders.payment(of: notice.order))
        }
        guard let stored = archived ?? inBook else { return .refused(.unknownPayment(notice.order)) }
        let (order, money) = (stored.order, self.book.money(of: stored.order, payment: stored.payment))
        let refund = money.refunds.last { $0.payment == notice.payment }
        let isKept = money.total(of: notice.payment) > money.refunded(of: notice.payment)
        if let refund, !isKept {
            switch refund.reason {
            case .otherCurrency:
                return .refused(
                    .otherCurrency(order.id, of: refund.amount.currency, expected: order.price.currency))
            case .otherLot: return .refused(.otherLot(order.id, lot: order.lot))
            case .unknownOrder: return .refused(.unknownPayment(order.id))
            case .orderOver, .alreadyPaid, .overPaid: break
            }
        }
        switch order.state {
        case .paid where isKept:
            let isRevived = self.lots[order.lot]?.redis.isUnconfirmed(order.id) == true
            return isRevived ? .refused(.recovering) : .order(order)
        case .paid: return .refused(.alreadyPaid(order.id))
        case .reserved: return .order(order)
        case .cancelled, .expired, .contested, .lost:
            return .refused(.paymentTooLate(order.id, state: order.state))
        }
    }
}

// MARK: refunds that become due

extension UnitMachine {
    /// Notes that all of a payment which is not noted yet is due back, or `minor` of it.
    mutating func oweRefund(
        _ notice: PaymentNotice, _ reason: RefundReason, minor: Int64? = nil, into output: inout UnitOutput
    ) {
        let money = self.book.money[notice.order] ?? OrderMoney()
        guard !money.owesAll(of: notice.payment) else { return }
        var amount = notice.amount
        if !amount.isNone {
            let due = minor ?? amount.minor - money.refunded(of: notice.payment)
            guard due > 0 else { return }
            amount = amount.with(minor: due)
        } else if money.owesRefund(of: notice.payment) {
            return
        }
        self.owe(notice.order, notice.payment, amount, reason, into: &output)
    }

    private mutating func owe(
        _ order: OrderID, _ payment: PaymentID, _ amount: Money, _ reason: RefundReason, into output: inout UnitOutput
    ) {
        let refund = Refund(
            order: order, number: self.book.money[order]?.nextRefund ?? 1, payment: payment, amount: amount,
            reason: reason,
            // Another unit may have the order, and may keep this money for it: a person has to look.
            isByProvider: self.settings.provider != nil && reason != .unknownOrder)
        self.append(.refundDue(refund), into: &output)
        if refund.isByProvider { self.refundWatch.add(refund.key, at: self.steady) }
    }

    /// An order that has ended keeps no part of its amount.
    mutating func oweParts(of order: Order, into output: inout UnitOutput) {
        guard order.paid > 0, let money = self.book.money[order.id] else { return }
        for payment in money.received where payment.amount.currency == order.price.currency {
            let kept = payment.amount.minor - money.refunded(of: payment.id)
            guard kept > 0 else { continue }
            self.owe(order.id, payment.id, payment.amount.with(minor: kept), .orderOver, into: &output)
        }
    }
}

extension PaymentNotice {
    var total: Payment { Payment(id: self.payment, amount: self.amount) }
}
