// Payment, cancellation and expiry of orders. What a payment does to an order with an amount is in `Payments/`.

extension UnitMachine {
    mutating func pay(_ notice: PaymentNotice, _ ticket: UInt64, now: Instant, into output: inout UnitOutput) {
        // First, so that an overdue reservation cannot be paid, unless it is held.
        self.expire(now: now, into: &output)
        self.take(notice, ticket: ticket, now: now, into: &output)
    }

    /// A payment of an order whose lot has no price: the first one pays for all of it.
    mutating func takeWithoutPrice(
        _ notice: PaymentNotice, _ stored: StoredOrder, into output: inout UnitOutput
    ) -> Answer {
        var order = stored.order
        let (id, payment) = (notice.order, notice.payment)
        if let lot = notice.lot, lot != order.lot, stored.payment != payment {
            self.oweRefund(notice, .otherLot, into: &output)
            return .refused(.otherLot(id, lot: order.lot))
        }
        switch order.state {
        case .reserved where self.book.owesRefund(id, payment: payment):
            // It came before, for another lot, or when the ledger did not have the order: one payment has one outcome.
            let first = self.book.money[id]?.refunds.first { $0.payment == payment }
            return .refused(first?.reason == .otherLot ? .otherLot(id, lot: order.lot) : .unknownPayment(id))
        case .reserved:
            self.append(.confirmed(order, payment: payment), into: &output)
            order.state = .paid
            if order.generation == self.book.generation { self.lots[order.lot]?.paid += Int(order.quantity) }
            output.add(.changed(order))
            return .order(order)
        case .paid where stored.payment == payment: return .order(order)
        case .paid:
            self.oweRefund(notice, .alreadyPaid, into: &output)
            return .refused(.alreadyPaid(id))
        case .cancelled, .expired, .contested, .lost:
            self.oweRefund(notice, .orderOver, into: &output)
            return .refused(.paymentTooLate(id, state: order.state))
        }
    }

    mutating func cancel(_ id: OrderID, _ ticket: UInt64, now: Instant, into output: inout UnitOutput) {
        self.expire(now: now, into: &output)
        guard var order = self.book.orders[id] else {
            output.add(.answerTicket(ticket, .refused(.unknownOrder(id))))
            return
        }
        switch order.state {
        case .reserved:
            self.release(order, as: .cancelled, into: &output)
            (order.state, order.paid) = (.cancelled, 0)
            output.add(.answerTicket(ticket, .order(order)))
        case .contested:
            self.lose(order, as: .cancelled, now: now, into: &output)
            order.state = .cancelled
            output.add(.answerTicket(ticket, .order(order)))
        case .cancelled: output.add(.answerTicket(ticket, .order(order)))
        case .paid, .expired, .lost:
            output.add(.answerTicket(ticket, .refused(.notCancellable(id, state: order.state))))
        }
    }

    mutating func release(_ order: Order, as state: OrderState, into output: inout UnitOutput) {
        self.append(.released(order, state: state), into: &output)
        var changed = order
        (changed.state, changed.paid) = (state, 0)
        output.add(.changed(changed))
        self.oweParts(of: order, into: &output)
        // Stock of an older generation is stranded at the center: it returns there, not here.
        guard order.generation == self.book.generation, let state = self.lots[order.lot] else { return }
        if state.isContended { return self.returnLeftover(order.lot, into: &output) }
        self.lowerFlag(order.lot, into: &output)
        self.requeueStarved(order.lot)
    }

    mutating func expire(now: Instant, into output: inout UnitOutput) {
        if let terms = self.settings.provider { return self.askAboutOverdue(terms, now: now, into: &output) }
        var left = Limits.expiriesPerTick
        while let first = self.deadlines.first, first.deadline <= now, left > 0 {
            left -= 1
            let item = self.deadlines.removeFirst()
            guard let order = self.book.orders[item.order], order.state == .reserved else { continue }
            self.release(order, as: .expired, into: &output)
        }
    }
}
