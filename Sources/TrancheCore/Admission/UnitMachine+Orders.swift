// Payment, cancellation, expiry, quota directives, reports, time.

extension UnitMachine {
    mutating func pay(
        _ id: OrderID, _ payment: PaymentID, _ ticket: UInt64, now: Instant, into actions: inout [Action]
    ) {
        self.expire(now: now, into: &actions)  // First, so that an overdue reservation cannot be paid.
        guard var order = self.book.orders[id] else {
            // A ledger that was replaced may have known it. Money that came is never dropped.
            self.oweRefund(id, payment, .unknownOrder, into: &actions)
            actions.append(.replyTo(ticket: ticket, .refused(.unknownPayment(id))))
            return
        }
        switch order.state {
        case .reserved where self.book.owesRefund(id, payment: payment):
            // It came before, when the ledger did not know the order: one payment has one outcome.
            actions.append(.replyTo(ticket: ticket, .refused(.unknownPayment(id))))
        case .reserved:
            self.append(.confirmed(order, payment: payment), into: &actions)
            order.state = .paid
            if order.generation == self.book.generation { self.lanes[order.lot]?.paid += Int(order.quantity) }
            actions.append(.changed(order))
            actions.append(.replyTo(ticket: ticket, .order(order)))
        case .paid where self.book.orders.payment(of: id) == payment:
            actions.append(.replyTo(ticket: ticket, .order(order)))
        case .paid:
            self.oweRefund(id, payment, .alreadyPaid, into: &actions)
            actions.append(.replyTo(ticket: ticket, .refused(.alreadyPaid(id))))
        case .cancelled, .expired, .contested, .lost:
            self.oweRefund(id, payment, .orderOver, into: &actions)
            actions.append(.replyTo(ticket: ticket, .refused(.paymentTooLate(id, state: order.state))))
        }
    }

    private mutating func oweRefund(
        _ id: OrderID, _ payment: PaymentID, _ reason: RefundReason, into actions: inout [Action]
    ) {
        guard !self.book.owesRefund(id, payment: payment) else { return }
        self.append(.refundDue(id, payment: payment, reason: reason), into: &actions)
    }

    mutating func cancel(_ id: OrderID, _ ticket: UInt64, now: Instant, into actions: inout [Action]) {
        self.expire(now: now, into: &actions)
        guard var order = self.book.orders[id] else {
            actions.append(.replyTo(ticket: ticket, .refused(.unknownOrder(id))))
            return
        }
        switch order.state {
        case .reserved:
            self.release(order, as: .cancelled, into: &actions)
            order.state = .cancelled
            actions.append(.replyTo(ticket: ticket, .order(order)))
        case .contested:
            self.lose(order, as: .cancelled, now: now, into: &actions)
            order.state = .cancelled
            actions.append(.replyTo(ticket: ticket, .order(order)))
        case .cancelled: actions.append(.replyTo(ticket: ticket, .order(order)))
        case .paid, .expired, .lost:
            actions.append(.replyTo(ticket: ticket, .refused(.notCancellable(id, state: order.state))))
        }
    }

    private mutating func release(_ order: Order, as state: OrderState, into actions: inout [Action]) {
        self.append(.released(order, state: state), into: &actions)
        var changed = order
        changed.state = state
        actions.append(.changed(changed))
        // Stock of an older generation is stranded at the center: it returns there, not here. An unprimed lot needs
        // no release, because it is primed from the ledger.
        guard order.generation == self.book.generation, let lane = self.lanes[order.lot] else { return }
        if lane.contest != nil { return self.returnLeftover(order.lot, into: &actions) }
        switch lane.phase {
        case .unprimed: break
        case .priming, .open: self.lanes[known: order.lot].releases.append(order)
        }
        self.lower(order.lot, into: &actions)
        self.feedStarved(order.lot)
    }

    mutating func expire(now: Instant, into actions: inout [Action]) {
        var left = Limits.expiriesPerTick
        while let first = self.deadlines.first, first.deadline <= now, left > 0 {
            left -= 1
            let item = self.deadlines.removeFirst()
            guard let order = self.book.orders[item.order], order.state == .reserved else { continue }
            self.release(order, as: .expired, into: &actions)
        }
    }

    mutating func follow(_ directives: QuotaDirectives, now: Instant, into actions: inout [Action]) {
        guard directives.unit == self.unit, directives.epoch >= self.epoch,
            directives.generation == self.book.generation
        else { return }
        // A ledger that nobody has vouched for may have been set back: what is said now was said to the one before it. The
        // center says it again when it accepts this one.
        guard self.mayIssue else { return }
        guard self.epoch == Epoch(0) || directives.epoch.rawValue - self.epoch.rawValue <= Settings.epochJumpLimit,
            directives.epoch.rawValue <= Limits.epoch
        else {
            return self.disbelieve(
                "epoch \(directives.epoch.rawValue) cannot follow epoch \(self.epoch.rawValue)", into: &actions)
        }
        if let witness = directives.witness, self.standing == .registered {
            guard self.isOwn(witness) else {
                return self.stop(
                    "the center has seen this ledger at position \(witness.position) with another history: the machine was set back",
                    into: &actions)
            }
            if witness.position >= self.witness?.position ?? 0 { self.witness = witness }
        }
        self.epoch = directives.epoch
        if let told = directives.coordinator, told.epoch > self.coordinator?.epoch ?? Epoch(0) {
            self.coordinator = told
        }
        for directive in directives.lots {
            self.follow(directive, now: now, into: &actions)
        }
    }

    /// Whether the center's witness can be of this very ledger, as far as this process remembers.
    private func isOwn(_ witness: LedgerHead) -> Bool {
        guard witness.position <= self.head.position else { return false }
        return self.reported.last { $0.position == witness.position }.map { $0 == witness } ?? true
    }

    private mutating func follow(_ directive: QuotaDirectives.Lot, now: Instant, into actions: inout [Action]) {
        let lot = directive.lot
        // What was given back may be granted again: of all grants, only what is still out is bounded by the issue.
        let out = directive.granted - self.book[lot].returned
        if let issued = self.lanes[lot]?.rules?.issued, out > issued {
            return self.disbelieve(
                "lot \(lot): \(out) granted and not given back, but the configuration has \(issued) items",
                into: &actions)
        }
        if self.lanes[lot] == nil { self.lanes[lot] = self.newLane(lot) }
        self.lanes[known: lot].elsewhere = directive.elsewhere
        self.lanes[known: lot].heardAt = self.steady
        let gain = directive.granted - self.book[lot].granted
        if gain > 0 {
            self.append(.granted(lot, total: directive.granted), into: &actions)
            if case .unprimed = self.lanes[known: lot].phase {} else { self.lanes[known: lot].credit += gain }
            self.lower(lot, into: &actions)
            self.feedStarved(lot)
        }
        if let allowance = directive.contest { self.contend(lot, allowance: allowance, now: now, into: &actions) }
        if self.lanes[known: lot].contest != nil { return self.returnLeftover(lot, into: &actions) }
        if directive.elsewhere > 0 { self.lower(lot, into: &actions) }
        if let hint = directive.hint, hint.number > (self.lanes[known: lot].hint?.number ?? 0) {
            self.lanes[known: lot].hint = hint
            self.reclaimWithoutRedis(lot, into: &actions)
        }
    }

    /// While a lot is out of Redis, nothing of it can be admitted, so the ledger alone can give quota back.
    private mutating func reclaimWithoutRedis(_ lot: LotID, into actions: inout [Action]) {
        guard case .unprimed = self.lanes[known: lot].phase, let hint = self.lanes[known: lot].hint else { return }
        let counters = self.book[lot]
        self.lanes[known: lot].hintDone = hint.number
        guard counters.available > hint.keep else { return }
        self.append(.returned(lot, total: counters.returned + counters.available - hint.keep), into: &actions)
    }

    mutating func report(nonce: UInt64, into actions: inout [Action]) {
        guard self.standing == .registered else { return }
        self.append(.nonce(nonce), into: &actions)
        let earlier = self.book.earlierAccounts.map {
            UnitReport.Earlier(lot: $0.lot, generation: $0.generation, live: $1.live)
        }
        let lots = self.lanes.values.sorted { $0.lot < $1.lot }.map { lane in
            UnitReport.Lot(
                lot: lane.lot, counters: self.book[lane.lot], offered: lane.offered, starved: lane.starved.count,
                hintDone: lane.hintDone, isPrimed: self.isPrimed(lane.lot), paid: lane.paid)
        }
        actions.append(
            .report(
                UnitReport(
                    unit: self.unit, ledger: self.ledger, incarnation: self.book.incarnation,
                    generation: self.book.generation, session: self.session, head: self.head, nonce: nonce, lots: lots,
                    proves: self.witness?.position ?? 0, earlier: earlier)))
    }

    /// The report has gone out with this head.
    package mutating func reported(_ head: LedgerHead) {
        self.reported.append(head)
        if self.reported.count > Settings.reportedLimit { self.reported.removeFirst() }
    }

    /// Nobody waits for quota any more.
    mutating func close(now: Instant, into actions: inout [Action]) {
        self.isClosing = true
        for lot in self.lanes.keys {
            for one in self.lanes[known: lot].starved { actions.append(.reply(one.request, .refused(.restocking))) }
            self.lanes[known: lot].starved = []
        }
    }

    /// Demand that the front desk answered from its flag.
    package mutating func addOffered(_ offered: [LotID: Int]) {
        for (lot, count) in offered { self.lanes[lot]?.offered += count }
    }

    mutating func tick(now: Instant, into actions: inout [Action]) {
        self.expire(now: now, into: &actions)
        self.primeLots(now: now, into: &actions)
        let needsRegistration = self.standing == .unvouched || self.standing == .vouchedByRedis
        if needsRegistration, !self.registerUnderway, self.registerAt <= self.steady {
            self.register(nil, into: &actions)
        }
        for lot in self.lanes.keys {
            self.answerStarved(lot, now: now, into: &actions)
            if self.lanes[known: lot].contest != nil {
                self.judgeContest(lot, into: &actions)
                self.returnLeftover(lot, into: &actions)
            } else if self.lanes[known: lot].phase == .open, self.lanes[known: lot].callUnderway == nil,
                self.lanes[known: lot].isSilent(now: self.steady)
            {
                actions.append(.call(self.lanes[known: lot].takeCall(witness: self.head)))
            } else if self.lanes[known: lot].callUnderway == nil {
                self.judgeSoldOut(lot, available: self.book[lot].available, now: now, into: &actions)
            }
        }
    }

    /// Nobody waits for quota longer than the hold: by the stamp, and by a clock that is never set back.
    private mutating func answerStarved(_ lot: LotID, now: Instant, into actions: inout [Action]) {
        let hold = self.settings.starvedHoldMilliseconds
        let oldest = (stamp: Stamp(now.advanced(milliseconds: -hold)), since: self.steady.advanced(milliseconds: -hold))
        func isOver(_ one: Starved) -> Bool { one.request.stamp < oldest.stamp || one.since < oldest.since }
        let starved = self.lanes[known: lot].starved
        guard let first = starved.first, isOver(first) else { return }
        for one in starved where isOver(one) { actions.append(.reply(one.request, .refused(.restocking))) }
        self.lanes[known: lot].starved.removeAll(where: isOver)
    }
}
