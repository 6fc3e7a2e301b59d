// The unit's side of admission: requests in, calls to Redis out, verdicts in, ledger entries and answers out.
//
// The verdicts come from one atomic step in Redis (`Units/Server/Redis/AdmissionScripts`; `RedisModel` is the same step as
// a pure machine): a known order keeps its answer, then the buyer's limit counts, then the stock. The unit checks each
// admission against its book before the ledger takes it. A contested lot follows `Contest/` instead.

extension UnitMachine {
    mutating func enqueue(_ requests: [BuyRequest], now: Instant, into output: inout UnitOutput) {
        for request in requests {
            if let answer = self.answerAtOnce(request, now: now) {
                output.addAnswer(to: request, answer)
                continue
            }
            self.lots[known: request.lot].demand.count(request.order)
            if self.lots[known: request.lot].isContended {
                self.enter(request, now: now, into: &output)
            } else {
                self.lots[known: request.lot].waiting.append(request)
            }
        }
    }

    /// The answer that the ledger already has for this order id.
    func knownAnswer(_ request: BuyRequest) -> Answer? {
        if let order = self.book.orders[request.order] { return Answer(order) }
        return self.book.refused[request.order].map { .refused(Refusal($0, requested: Int(request.quantity))) }
    }

    private func answerAtOnce(_ request: BuyRequest, now: Instant) -> Answer? {
        if let known = self.knownAnswer(request) { return known }
        guard let state = self.lots[request.lot], let rules = state.rules else {
            return .refused(.unknownLot(request.lot))
        }
        guard (1...rules.buyerLimit).contains(Int(request.quantity)) else {
            return .refused(.invalidQuantity(Int(request.quantity), limit: rules.buyerLimit))
        }
        if let reason = rules.closedReason(now: now, uncertaintyMicroseconds: 0) { return .refused(reason) }
        guard self.mayIssue else { return .refused(.recovering) }
        if state.isContended { return nil }
        guard state.redis.isOpen else { return .refused(.recovering) }
        guard state.waiting.count < Limits.waitingRequests else {
            return .refused(.overloaded(limit: Limits.waitingRequests))
        }
        return nil
    }

    /// Starts a call for each open lot that has work and none under way.
    mutating func startCalls(into output: inout UnitOutput) {
        for lot in self.lots.keys where self.lots[known: lot].redis.isIdle && self.lots[known: lot].hasWork {
            output.add(self.lots[known: lot].makeCall(witness: self.head))
        }
    }

    mutating func apply(
        _ verdicts: [AdmissionVerdict], of call: LotCall, taken: Int, now: Instant, into output: inout UnitOutput
    ) {
        let lot = call.lot
        var contradictsBook = verdicts.count != call.requests.count
        if call.reclaimKeep != nil, self.lots[known: lot].reclaim.hint != nil {
            self.lots[known: lot].reclaim.followed()
            if taken > self.book[lot].available {
                contradictsBook = true  // A Redis cannot give back what the unit does not have.
            } else if taken > 0 {
                self.append(.returned(lot, total: self.book[lot].returned + taken), into: &output)
            }
        }
        output.reserve(orders: verdicts.count)
        for (request, verdict) in zip(call.requests, verdicts) {
            switch verdict {
            case .admitted: contradictsBook = !self.reserve(request, now: now, into: &output) || contradictsBook
            case .known:
                if let order = self.book.orders[request.order] {
                    output.addAnswer(to: request, .order(order))
                } else {
                    contradictsBook = true
                    output.addAnswer(to: request, .refused(.recovering))
                }
            case .overLimit(let held): self.refuse(request, held: held, limit: call.buyerLimit, into: &output)
            case .short: self.hold(request, now: now, into: &output)
            }
        }
        if contradictsBook {
            self.redisContradictions += 1
            self.unprime(lot, retryAt: self.steady, into: &output)
            self.primeLots(into: &output)
        }
    }

    /// Makes the reservation, if the ledger can take it. The ledger's own constraints would refuse it otherwise.
    private mutating func reserve(_ request: BuyRequest, now: Instant, into output: inout UnitOutput) -> Bool {
        let rules = self.lots[known: request.lot].rules
        let limit = rules?.buyerLimit ?? 1
        let held = self.book.held(by: request.buyer, lot: request.lot)
        guard self.book.orders.state(of: request.order) == nil, held + Int(request.quantity) <= limit,
            self.book[request.lot].available >= Int(request.quantity)
        else {
            output.addAnswer(to: request, .refused(.recovering))
            return false
        }
        let order = Order(
            id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
            buyerLimit: limit, generation: self.book.generation, stamp: request.stamp,
            deadline: now.advanced(milliseconds: rules?.paymentWindowMilliseconds ?? 0))
        self.appendReservation(order, into: &output)
        output.addAnswer(to: request, .order(order))
        return true
    }

    mutating func appendReservation(_ order: Order, into output: inout UnitOutput) {
        self.append(.reserved(order), into: &output)
        self.deadlines.insert(.init(deadline: order.deadline, order: order.id))
        output.add(.changed(order))
    }

    mutating func refuse(_ request: BuyRequest, held: Int, limit: Int, into output: inout UnitOutput) {
        let reason: FinalRefusal =
            held >= limit ? .duplicate(held: held, limit: limit) : .limitReached(held: held, limit: limit)
        if self.book.refused[request.order] == nil {
            self.append(.refused(request.order, lot: request.lot, reason: reason), into: &output)
        }
        output.addAnswer(to: request, .refused(Refusal(reason, requested: Int(request.quantity))))
    }

    /// The lot is empty here. If more stock may come, the request waits in order. Otherwise it gets a final refusal.
    private mutating func hold(_ request: BuyRequest, now: Instant, into output: inout UnitOutput) {
        if self.lots[known: request.lot].isContended {
            // The switch to the contest came during the call.
            self.enter(request, now: now, into: &output)
        } else if !self.lots[known: request.lot].elsewhere.mayCome(now: self.steady) {
            self.refuseSoldOut(request, into: &output)
        } else if !self.isClosing, self.lots[known: request.lot].held.count < Limits.starvedRequests {
            self.lots[known: request.lot].held.append(HeldRequest(request: request, since: self.steady))
        } else {
            output.addAnswer(to: request, .refused(.restocking))
        }
    }

    mutating func refuseSoldOut(_ request: BuyRequest, into output: inout UnitOutput) {
        if !self.lots[known: request.lot].soldOutIsDurable {
            self.lots[known: request.lot].soldOutIsDurable = true
            self.append(.soldOut(request.lot), into: &output)
        }
        output.addAnswer(to: request, .refused(.soldOut(requested: Int(request.quantity))))
    }

    /// Requests that waited for quota go before those that came later.
    mutating func requeueHeld(_ lot: LotID) {
        guard let state = self.lots[lot], state.redis.isOpen, !state.held.isEmpty else { return }
        self.lots[known: lot].waiting = state.held.map(\.request) + state.waiting
        self.lots[known: lot].held = []
    }

    /// No request waits for quota longer than the hold: by the stamp, and by a clock that is never set back.
    mutating func answerHeld(_ lot: LotID, now: Instant, into output: inout UnitOutput) {
        let hold = self.settings.starvedHoldMilliseconds
        let oldest = (stamp: Stamp(now.advanced(milliseconds: -hold)), since: self.steady.advanced(milliseconds: -hold))
        func isOver(_ one: HeldRequest) -> Bool {
            one.request.stamp < oldest.stamp || one.since < oldest.since
        }
        let held = self.lots[known: lot].held
        guard let first = held.first, isOver(first) else { return }
        for one in held where isOver(one) { output.addAnswer(to: one.request, .refused(.restocking)) }
        self.lots[known: lot].held.removeAll(where: isOver)
    }

    mutating func refuseQueued(_ lot: LotID, _ reason: Refusal, into output: inout UnitOutput) {
        guard self.lots[lot] != nil else { return }
        let requests = self.lots[known: lot].takeQueued(withCall: reason == .recovering)
        for request in requests { output.addAnswer(to: request, .refused(reason)) }
    }
}
