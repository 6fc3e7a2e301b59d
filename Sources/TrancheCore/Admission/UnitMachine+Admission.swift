// Requests in, script calls out, verdicts in, ledger entries and answers out.

extension UnitMachine {
    mutating func take(_ requests: [BuyRequest], now: Instant, into actions: inout [Action]) {
        for request in requests {
            if let answer = self.answerAtOnce(request, now: now) {
                actions.append(.reply(request, answer))
                continue
            }
            // A repeated request with the same token is no more demand than before.
            if self.lanes[known: request.lot].counted.insert(request.order) {
                self.lanes[known: request.lot].offered += 1
            }
            if self.lanes[known: request.lot].contest != nil {
                self.contest(request, now: now, into: &actions)
            } else {
                self.lanes[known: request.lot].waiting.append(request)
            }
        }
    }

    /// What the ledger says of this order id.
    func knownAnswer(_ request: BuyRequest) -> Answer? {
        if let order = self.book.orders[request.order] { return Answer(order) }
        return self.book.refused[request.order].map { .refused(Refusal($0, requested: Int(request.quantity))) }
    }

    private func answerAtOnce(_ request: BuyRequest, now: Instant) -> Answer? {
        if let known = self.knownAnswer(request) { return known }
        guard let lane = self.lanes[request.lot], let rules = lane.rules else {
            return .refused(.unknownLot(request.lot))
        }
        guard (1...rules.buyerLimit).contains(Int(request.quantity)) else {
            return .refused(.invalidQuantity(Int(request.quantity), limit: rules.buyerLimit))
        }
        if let reason = rules.closedReason(now: now, uncertaintyMicroseconds: 0) { return .refused(reason) }
        guard self.mayIssue else { return .refused(.recovering) }
        if lane.contest != nil { return nil }
        guard lane.phase == .open else { return .refused(.recovering) }
        guard lane.waiting.count < Limits.waitingRequests else {
            return .refused(.overloaded(limit: Limits.waitingRequests))
        }
        return nil
    }

    /// Starts a call for each open lot that has work and none under way.
    mutating func startCalls(into actions: inout [Action]) {
        for lot in self.lanes.keys {
            guard self.lanes[known: lot].phase == .open, self.lanes[known: lot].callUnderway == nil,
                self.lanes[known: lot].contest == nil
            else { continue }
            guard self.lanes[known: lot].hasWork else { continue }
            actions.append(.call(self.lanes[known: lot].takeCall(witness: self.head)))
        }
    }

    mutating func take(_ lot: LotID, _ fence: UInt64, _ result: LotResult, now: Instant, into actions: inout [Action]) {
        guard let lane = self.lanes[lot], lane.fence == fence else { return }  // An answer to an older fence.
        switch result {
        case .primed(let run):
            guard lane.phase == .priming else { return }
            // What the ledger learned while Redis was primed is in `credit` and `releases`.
            self.lanes[known: lot].phase = .open
            self.lanes[known: lot].answeredAt = self.steady
            if run != self.book.redis { self.append(.redis(run), into: &actions) }
            if self.survey == nil { actions.append(.recovered(lot)) }
        case .decided(let verdicts, let sequence, let available, let taken):
            guard let call = lane.callUnderway else { return }
            self.lanes[known: lot].callUnderway = nil
            self.lanes[known: lot].answeredAt = self.steady
            self.lanes[known: lot].sequence = sequence
            self.lanes[known: lot].appended = sequence
            self.settle(call, verdicts, taken: taken, now: now, into: &actions)
            self.judgeSoldOut(lot, available: available, now: now, into: &actions)
        case .lost:
            // At once, but a Redis that loses what it was just given is not filled again and again without a pause.
            let pause = self.settings.retryMilliseconds
            let isAgain = self.steady.milliseconds(since: self.lanes[known: lot].lostAt) < pause
            self.lanes[known: lot].lostAt = self.steady
            self.unprime(
                lot, retryAt: isAgain ? self.steady.advanced(milliseconds: pause) : self.steady, into: &actions)
            self.primeLots(now: now, into: &actions)
        case .unreachable:
            self.unprime(
                lot, retryAt: self.steady.advanced(milliseconds: self.settings.retryMilliseconds), into: &actions)
        case .superseded:
            return self.stop("another process has taken this unit's Redis over", into: &actions)
        }
        self.drain(lot, now: now, into: &actions)
    }

    private mutating func settle(
        _ call: LotCall, _ verdicts: [AdmissionVerdict], taken: Int, now: Instant, into actions: inout [Action]
    ) {
        let lot = call.lot
        if let hint = self.lanes[known: lot].hint, call.reclaimKeep != nil {
            self.lanes[known: lot].hintDone = hint.number
            if taken > 0 { self.append(.returned(lot, total: self.book[lot].returned + taken), into: &actions) }
        }
        var contradictsBook = verdicts.count != call.requests.count
        for (request, verdict) in zip(call.requests, verdicts) {
            switch verdict {
            case .admitted: contradictsBook = !self.admit(request, now: now, into: &actions) || contradictsBook
            case .known:
                if let order = self.book.orders[request.order] {
                    actions.append(.reply(request, .order(order)))
                } else {
                    contradictsBook = true
                    actions.append(.reply(request, .refused(.recovering)))
                }
            case .overLimit(let held): self.refuse(request, held: held, limit: call.buyerLimit, into: &actions)
            case .short: self.starve(request, now: now, into: &actions)
            }
        }
        if contradictsBook {
            self.redisContradictions += 1
            self.unprime(lot, retryAt: self.steady, into: &actions)
            self.primeLots(now: now, into: &actions)
        }
    }

    /// Makes the reservation, if the ledger can take it. The ledger's own constraints would refuse it otherwise.
    private mutating func admit(_ request: BuyRequest, now: Instant, into actions: inout [Action]) -> Bool {
        let rules = self.lanes[known: request.lot].rules
        let limit = rules?.buyerLimit ?? 1
        let held = self.book.held(by: request.buyer, lot: request.lot)
        guard self.book.orders.state(of: request.order) == nil, held + Int(request.quantity) <= limit,
            self.book[request.lot].available >= Int(request.quantity)
        else {
            actions.append(.reply(request, .refused(.recovering)))
            return false
        }
        let order = Order(
            id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
            buyerLimit: limit, generation: self.book.generation, stamp: request.stamp,
            deadline: now.advanced(milliseconds: rules?.paymentWindowMilliseconds ?? 0))
        self.reserve(order, into: &actions)
        actions.append(.reply(request, .order(order)))
        return true
    }

    mutating func reserve(_ order: Order, into actions: inout [Action]) {
        self.append(.reserved(order), into: &actions)
        self.deadlines.insert(.init(deadline: order.deadline, order: order.id))
        actions.append(.changed(order))
    }

    mutating func refuse(_ request: BuyRequest, held: Int, limit: Int, into actions: inout [Action]) {
        let reason: FinalRefusal =
            held >= limit ? .duplicate(held: held, limit: limit) : .limitReached(held: held, limit: limit)
        if self.book.refused[request.order] == nil {
            self.append(.refused(request.order, lot: request.lot, reason: reason), into: &actions)
        }
        actions.append(.reply(request, .refused(Refusal(reason, requested: Int(request.quantity)))))
    }

    /// None is left here. If more may come, the request waits its turn; else it is refused for good.
    private mutating func starve(_ request: BuyRequest, now: Instant, into actions: inout [Action]) {
        let lane = self.lanes[known: request.lot]
        if lane.contest != nil {
            self.contest(request, now: now, into: &actions)  // The switch came while Redis was asked.
        } else if lane.mayRestock(now: self.steady), !self.isClosing, lane.starved.count < Limits.starvedRequests {
            self.lanes[known: request.lot].starved.append(Starved(request: request, since: self.steady))
        } else if lane.mayRestock(now: self.steady) {
            actions.append(.reply(request, .refused(.restocking)))
        } else {
            self.refuseSoldOut(request, now: now, into: &actions)
        }
    }

    mutating func refuseSoldOut(_ request: BuyRequest, now: Instant, into actions: inout [Action]) {
        if !self.lanes[known: request.lot].soldOutIsDurable {
            self.lanes[known: request.lot].soldOutIsDurable = true
            self.append(.soldOut(request.lot), into: &actions)
        }
        actions.append(.reply(request, .refused(.soldOut(requested: Int(request.quantity)))))
    }

    /// Raises or lowers the flag by which the front desk refuses without admission.
    mutating func judgeSoldOut(_ lot: LotID, available: Int, now: Instant, into actions: inout [Action]) {
        guard let lane = self.lanes[lot], lane.contest == nil, lane.phase == .open else { return }
        let stockIsComing = lane.credit > 0 || !lane.releases.isEmpty
        if stockIsComing { self.feedStarved(lot) }
        if available > 0 || stockIsComing || lane.mayRestock(now: self.steady) {
            return self.lower(lot, into: &actions)
        }
        for one in lane.starved { self.refuseSoldOut(one.request, now: now, into: &actions) }
        self.lanes[known: lot].starved = []
        guard !lane.isFlaggedSoldOut, lane.soldOutIsDurable else { return }
        self.lanes[known: lot].isFlaggedSoldOut = true
        actions.append(.setSoldOut(lot, true))
    }

    /// Those who waited for quota go before those who came later.
    mutating func feedStarved(_ lot: LotID) {
        guard let lane = self.lanes[lot], lane.phase == .open, !lane.starved.isEmpty else { return }
        self.lanes[known: lot].waiting = lane.starved.map(\.request) + lane.waiting
        self.lanes[known: lot].starved = []
    }
}
