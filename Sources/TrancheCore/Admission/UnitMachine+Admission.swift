// Admission: the unit decides each request from its book, and a buyer is answered when the ledger and Redis have the order.
//
// A known order keeps its answer, then the buyer's limit counts, then the stock. Requests of a lot that came during one
// step are decided together: one commit in the ledger, and one step in Redis at the same time. A contested lot follows
// `Contest/` instead.

extension UnitMachine {
    /// Answers each request that the book already decides. The others wait for the next batch of their lot.
    mutating func answerOrWait(_ requests: [BuyRequest], now: Instant, into output: inout UnitOutput) {
        for request in requests {
            if let answer = self.answerAtOnce(request, now: now) {
                output.addAnswer(to: request, answer)
                continue
            }
            // Whoever is referred is demand of the branch.
            if self.refer(request, into: &output) { continue }
            self.lots[known: request.lot].demand.count(request.order)
            if self.lots[known: request.lot].isContended {
                self.enterContest(request, now: now, into: &output)
            } else {
                if !self.lots[known: request.lot].hasUndecided { self.lotsToDecide.append(request.lot) }
                self.lots[known: request.lot].waiting.append(request)
            }
        }
    }

    /// The answer that the ledger already has for this order id.
    func knownAnswer(_ request: BuyRequest) -> Answer? {
        if let order = self.book.orders[request.order] {
            let isConfirmed = self.lots[request.lot]?.redis.isUnconfirmed(order.id) != true
            return isConfirmed ? Answer(order) : .refused(.recovering)
        }
        return self.book.refused[request.order].map { .refused(Refusal($0, requested: request.quantity)) }
    }

    private func answerAtOnce(_ request: BuyRequest, now: Instant) -> Answer? {
        if let known = self.knownAnswer(request) { return known }
        guard let state = self.lots[request.lot], let rules = state.rules else {
            return .refused(.unknownLot(request.lot))
        }
        if let refusal = rules.refusal(quantity: request.quantity, now: now, uncertaintyMicroseconds: 0) {
            return .refused(refusal)
        }
        guard self.mayIssue else { return .refused(.recovering) }
        if request.isRemembered, self.book.branch(of: request.buyer, lot: request.lot) == nil {
            return .refused(.soldOut(requested: request.quantity))
        }
        if state.isContended { return nil }
        guard state.redis.isOpen else { return .refused(.recovering) }
        guard state.waiting.count < Limits.waitingRequests else {
            return .refused(.overloaded(limit: Limits.waitingRequests))
        }
        return nil
    }

    /// Decides what waits, for each lot without a step under way in Redis.
    mutating func decideIdleLots(now: Instant, into output: inout UnitOutput) {
        guard !self.lotsToDecide.isEmpty else { return }
        let lots = self.lotsToDecide
        self.lotsToDecide.removeAll(keepingCapacity: true)
        for lot in lots {
            while self.lots[known: lot].hasUndecided, self.lots[known: lot].redis.isIdle {
                guard self.decideBatch(lot, now: now, into: &output) else { break }
            }
            if self.lots[known: lot].hasUndecided { self.lotsToDecide.append(lot) }
        }
    }

    /// Decides the oldest requests of a lot. If some are admitted, their answers wait for a step in Redis.
    ///
    /// - Returns: Whether all were decided. The others wait for stock that the commit makes durable.
    private mutating func decideBatch(_ lot: LotID, now: Instant, into output: inout UnitOutput) -> Bool {
        let batch = self.lots[known: lot].waiting.prefix(Limits.requestsPerStep)
        self.lots[known: lot].waiting.removeFirst(batch.count)
        self.waited.note(batch, now: now)
        var admitted: [Admission] = []
        admitted.reserveCapacity(batch.count)
        output.reserveCapacity(orders: batch.count)
        var left: ArraySlice<BuyRequest> = []
        for (index, request) in zip(batch.indices, batch) {
            let available = self.book[lot].available
            if request.quantity <= available, request.quantity > available - self.lots[known: lot].undurable {
                left = batch[index...]
                break
            }
            if let order = self.decide(request, now: now, into: &output) {
                admitted.append(Admission(request: request, order: order))
            }
        }
        // A revival overtakes nobody who waits.
        let isLast = left.isEmpty && self.lots[known: lot].waiting.isEmpty
        let revived = isLast ? self.decideLate(lot, now: now, into: &output) : []
        if !(admitted.isEmpty && revived.isEmpty) { self.addStep(lot, admitted, revived, into: &output) }
        guard left.isEmpty else {
            self.lots[known: lot].waiting.insert(contentsOf: left, at: 0)
            output.add(UnitEffect.nextRound)
            return false
        }
        self.flagSoldOut(lot, into: &output)
        return !isLast || self.lots[known: lot].late.isEmpty
    }

    /// - Returns: The order, if the request is admitted. Any other outcome is in the output.
    private mutating func decide(_ request: BuyRequest, now: Instant, into output: inout UnitOutput) -> Order? {
        if let known = self.book.orders[request.order] { return known }
        // It waited since before the lot had the branch.
        if self.refer(request, into: &output) { return nil }
        let rules = self.lots[known: request.lot].rules
        let limit = rules?.buyerLimit ?? 1
        let held = self.book.held(by: request.buyer, lot: request.lot)
        guard held + request.quantity <= limit else {
            self.refuseOverLimit(request, held: held, limit: limit, into: &output)
            return nil
        }
        guard request.quantity <= self.book[request.lot].available else {
            self.starve(request, into: &output)
            return nil
        }
        let order = Order(
            id: request.order, buyer: request.buyer, lot: request.lot, quantity: request.quantity,
            buyerLimit: limit, generation: self.book.generation, stamp: request.stamp,
            deadline: now.advanced(milliseconds: rules?.paymentWindowMilliseconds ?? 0), price: rules?.price ?? .none,
            reference: request.reference)
        self.append(.reserved(order), into: &output)
        self.deadlines.insert(.init(deadline: order.deadline, order: order.id))
        return order
    }

    /// Redis has confirmed the step. The commit beside it is over: a shell carries the step's output out, to its end,
    /// before it hands in the result. So both witnesses have the orders, and their buyers may learn of them.
    ///
    /// If Redis took longer than the payment window, the order may have ended since. Its buyer learns that, and not what
    /// it was. The end may be in this output's entries, so the answer waits for the commit.
    func answerAdmitted(_ step: RedisStep, into output: inout UnitOutput) {
        output.reserveCapacity(durableAlready: step.admitted.count)
        for admission in step.admitted {
            if self.book.orders.state(of: admission.order.id) == admission.order.state {
                output.add(durableAlready: .answer(admission.request, .order(admission.order)))
            } else {
                // An order that is gone has been archived: the next request finds it there.
                let answer = self.book.orders[admission.order.id].map { Answer($0) } ?? .refused(.recovering)
                output.addAnswer(to: admission.request, answer)
            }
        }
    }

    /// Reserves an order that no request waits for.
    mutating func appendReservation(_ order: Order, into output: inout UnitOutput) {
        self.append(.reserved(order), into: &output)
        self.deadlines.insert(.init(deadline: order.deadline, order: order.id))
        output.add(.changed(order))
    }

    mutating func refuseOverLimit(_ request: BuyRequest, held: Int, limit: Int, into output: inout UnitOutput) {
        let reason: FinalRefusal =
            held >= limit ? .duplicate(held: held, limit: limit) : .limitReached(held: held, limit: limit)
        if self.book.refused[request.order] == nil {
            self.append(.refused(request.order, lot: request.lot, reason: reason), into: &output)
        }
        output.addAnswer(to: request, .refused(Refusal(reason, requested: request.quantity)))
    }

    /// The lot is empty here. If more stock may come, the request waits in order. Otherwise it gets a final refusal.
    private mutating func starve(_ request: BuyRequest, into output: inout UnitOutput) {
        if !self.lots[known: request.lot].elsewhere.mayCome(now: self.steady) {
            self.refuseSoldOut(request, into: &output)
        } else if !self.isClosing, self.lots[known: request.lot].starved.count < Limits.starvedRequests {
            self.lots[known: request.lot].starved.append(StarvedRequest(request: request, since: self.steady))
        } else {
            output.addAnswer(to: request, .refused(.restocking))
        }
    }

    mutating func refuseSoldOut(_ request: BuyRequest, into output: inout UnitOutput) {
        if !self.lots[known: request.lot].soldOutIsDurable {
            self.lots[known: request.lot].soldOutIsDurable = true
            self.append(.soldOut(request.lot), into: &output)
        }
        output.addAnswer(to: request, .refused(.soldOut(requested: request.quantity)))
    }

    /// Requests that waited for quota go before those that came later.
    mutating func requeueStarved(_ lot: LotID) {
        guard let state = self.lots[lot], state.redis.isOpen, !state.starved.isEmpty else { return }
        if !state.hasUndecided { self.lotsToDecide.append(lot) }
        self.lots[known: lot].waiting = state.starved.map(\.request) + state.waiting
        self.lots[known: lot].starved = []
    }

    /// No request waits for quota longer than the settings allow: by the stamp, and by a clock that is never set back.
    mutating func answerStarved(_ lot: LotID, now: Instant, into output: inout UnitOutput) {
        let longest = self.settings.starvedMilliseconds
        let oldest = (
            stamp: Stamp(now.advanced(milliseconds: -longest)), since: self.steady.advanced(milliseconds: -longest)
        )
        func isOver(_ one: StarvedRequest) -> Bool {
            one.request.stamp < oldest.stamp || one.since < oldest.since
        }
        let starved = self.lots[known: lot].starved
        guard let first = starved.first, isOver(first) else { return }
        for one in starved where isOver(one) { output.addAnswer(to: one.request, .refused(.restocking)) }
        self.lots[known: lot].starved.removeAll(where: isOver)
    }

    mutating func refuseQueued(_ lot: LotID, _ reason: Refusal, into output: inout UnitOutput) {
        guard self.lots[lot] != nil else { return }
        for request in self.lots[known: lot].removeQueued() { output.addAnswer(to: request, .refused(reason)) }
    }
}
