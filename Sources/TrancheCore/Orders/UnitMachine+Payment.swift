// Payment, cancellation and expiry of orders.

extension UnitMachine {
    mutating func pay(
        _ id: OrderID, _ payment: PaymentID, _ ticket: UInt64, now: Instant, into output: inout UnitOutput
    ) {
        self.expire(now: now, into: &output)  // First, so that an overdue reservation cannot be paid.
        guard var order = self.book.orders[id] else {
            // A ledger that was replaced may have had it. A payment is never dropped.
            self.oweRefund(id, payment, .unknownOrder, into: &output)
            output.add(.answerTicket(ticket, .refused(.unknownPayment(id))))
            return
        }
        switch order.state {
        case .reserved where self.book.owesRefund(id, payment: payment):
            // The payment came before, when the ledger did not have the order: one payment has one outcome.
            output.add(.answerTicket(ticket, .refused(.unknownPayment(id))))
        case .reserved:
            self.append(.confirmed(order, payment: payment), into: &output)
            order.state = .paid
            if order.generation == self.book.generation { self.lots[order.lot]?.paid += Int(order.quantity) }
            output.add(.changed(order))
            output.add(.answerTicket(ticket, .order(order)))
        case .paid where self.book.orders.payment(of: id) == payment:
            output.add(.answerTicket(ticket, .order(order)))
        case .paid:
            self.oweRefund(id, payment, .alreadyPaid, into: &output)
            output.add(.answerTicket(ticket, .refused(.alreadyPaid(id))))
        case .cancelled, .expired, .contested, .lost:
            self.oweRefund(id, payment, .orderOver, into: &output)
            output.add(.answerTicket(ticket, .refused(.paymentTooLate(id, state: order.state))))
        }
    }

    mutating func oweRefund(
        _ id: OrderID, _ payment: PaymentID, _ reason: RefundReason, into output: inout UnitOutput
    ) {
        guard !self.book.owesRefund(id, payment: payment) else { return }
        self.append(.refundDue(id, payment: payment, reason: reason), into: &output)
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
            order.state = .cancelled
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

    private mutating func release(_ order: Order, as state: OrderState, into output: inout UnitOutput) {
        self.append(.released(order, state: state), into: &output)
        var changed = order
        changed.state = state
        output.add(.changed(changed))
        // Stock of an older generation is stranded at the center: it returns there, not here.
        guard order.generation == self.book.generation, let state = self.lots[order.lot] else { return }
        if state.isContended { return self.returnLeftover(order.lot, into: &output) }
        self.lowerFlag(order.lot, into: &output)
        self.requeueStarved(order.lot)
    }

    mutating func expire(now: Instant, into output: inout UnitOutput) {
        var left = Limits.expiriesPerTick
        while let first = self.deadlines.first, first.deadline <= now, left > 0 {
            left -= 1
            let item = self.deadlines.removeFirst()
            guard let order = self.book.orders[item.order], order.state == .reserved else { continue }
            self.release(order, as: .expired, into: &output)
        }
    }
}
