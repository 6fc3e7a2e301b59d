// A payment that comes when its order has expired: the order is revived, or the payment is due back.
//
// A revival sells items. So it is decided where requests are decided, behind those that wait, and it is told only after a step in
// Redis, like any other sale: another process on a copy of the ledger could have sold the same items.

/// A payment that waits until its lot can decide about it.
struct LatePayment: Sendable {
    let notice: PaymentNotice
    /// `nil` if nobody waits for the answer.
    let ticket: UInt64?
}

/// An order that was revived, and that may be told of after the step.
package struct Revival: Sendable {
    package let order: OrderID
    let late: LatePayment
}

extension UnitMachine {
    /// Whether the order could be revived, stock and line aside.
    func mayRevive(_ order: Order, _ notice: PaymentNotice, _ delta: Int64, isArchived: Bool, now: Instant) -> Bool {
        guard order.state == .expired, !isArchived, notice.amount.currency == order.price.currency,
            notice.lot == nil || notice.lot == order.lot, delta >= order.amount.minor,
            order.generation == self.book.generation, let state = self.lots[order.lot], state.isLocal,
            let rules = state.rules, rules.closedReason(now: now, uncertaintyMicroseconds: 0) == nil
        else { return false }
        let limit = min(Int(order.buyerLimit), rules.buyerLimit)
        return self.book.held(by: order.buyer, lot: order.lot) + Int(order.quantity) <= limit
    }

    /// - Parameter delta: What is new of the payment.
    /// - Returns: `false` if the unit cannot sell now, and nothing was decided.
    mutating func takeLate(
        _ notice: PaymentNotice, _ delta: Int64, _ order: Order, _ ticket: UInt64?, mayWait: Bool, now: Instant,
        into output: inout UnitOutput
    ) -> Bool {
        let lot = order.lot
        guard self.mayIssue, self.lots[known: lot].redis.isOpen else {
            Self.answer(ticket, .refused(.recovering), into: &output)
            return false
        }
        if mayWait, self.lots[known: lot].late.count < Limits.latePayments {
            if !self.lots[known: lot].hasUndecided { self.lotsToDecide.append(lot) }
            self.lots[known: lot].late.append(LatePayment(notice: notice, ticket: ticket))
            return true
        }
        self.oweRefund(notice, .orderOver, into: &output)
        Self.answer(ticket, self.answer(to: notice, nil), into: &output)
        return true
    }

    /// Decides the late payments of a lot, behind the requests that waited.
    ///
    /// - Returns: Those whose orders were revived. Nothing is in `late` any more, unless stock becomes durable first.
    mutating func decideLate(_ lot: LotID, now: Instant, into output: inout UnitOutput) -> [Revival] {
        guard !self.lots[known: lot].late.isEmpty else { return [] }
        let all = self.lots[known: lot].late
        self.lots[known: lot].late = []
        var revived: [Revival] = []
        for (index, one) in all.enumerated() {
            if revived.contains(where: { $0.order == one.notice.order }) {
                // Nothing may be told of a revival before its step in Redis, also not to a copy of the notice.
                Self.answer(one.ticket, .refused(.recovering), into: &output)
                continue
            }
            switch self.revive(one, lot, now: now, into: &output) {
            case .revived: revived.append(Revival(order: one.notice.order, late: one))
            case .over: break
            case .waits:
                self.lots[known: lot].late = Array(all[index...])
                output.add(UnitEffect.nextRound)
                return revived
            }
        }
        return revived
    }

    private enum LateOutcome { case revived, over, waits }

    private mutating func revive(
        _ late: LatePayment, _ lot: LotID, now: Instant, into output: inout UnitOutput
    ) -> LateOutcome {
        let (id, notice) = (late.notice.order, late.notice)
        if let order = self.book.orders[id] {
            let money = self.book.money(of: id)
            let delta = notice.amount.minor - money.total(of: notice.payment)
            let quantity = Int(order.quantity)
            if delta > 0, self.mayRevive(order, notice, delta, isArchived: false, now: now),
                self.lots[known: lot].starved.isEmpty, quantity <= self.book[lot].available
            {
                guard quantity <= self.book[lot].available - self.lots[known: lot].undurable else { return .waits }
                self.revive(order, notice, delta, money, into: &output)
                return .revived
            }
        }
        self.take(notice, ticket: late.ticket, mayWait: false, now: now, into: &output)
        return .over
    }

    private mutating func revive(
        _ order: Order, _ notice: PaymentNotice, _ delta: Int64, _ money: OrderMoney, into output: inout UnitOutput
    ) {
        let surplus = delta - order.amount.minor
        if surplus > 0 || money.knows(notice.payment) {
            self.append(.received(order.id, notice.total, paid: 0), into: &output)
        }
        self.append(.revived(order, payment: notice.payment), into: &output)
        self.lots[known: order.lot].paid += Int(order.quantity)
        if surplus > 0 { self.oweRefund(notice, .overPaid, minor: surplus, into: &output) }
    }

    /// Redis has the step of these revivals.
    func answerRevived(_ step: RedisStep, into output: inout UnitOutput) {
        for revival in step.revivals {
            if let order = self.book.orders[revival.order] { output.add(.changed(order)) }
            Self.answer(revival.late.ticket, self.answer(to: revival.late.notice, nil), into: &output)
        }
    }

    /// The lot cannot decide: who waits is told to ask again, and the provider is asked on about the others.
    mutating func refuseLate(_ lot: LotID, into output: inout UnitOutput) {
        guard self.lots[lot]?.late.isEmpty == false else { return }
        let all = self.lots[known: lot].late
        self.lots[known: lot].late = []
        for one in all {
            Self.answer(one.ticket, .refused(.recovering), into: &output)
            if one.ticket == nil { self.askOn(one.notice.order) }
        }
    }
}
