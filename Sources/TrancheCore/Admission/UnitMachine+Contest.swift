// How a unit leaves local sales for the contest, and what it does with requests then.

extension UnitMachine {
    package func isContended(_ lot: LotID) -> Bool { self.lanes[lot]?.contest != nil }

    /// How long to wait between two exchanges, in milliseconds, or `nil` if there is nobody to speak with.
    ///
    /// Everybody waits for the slowest watermark, so a unit speaks often even if it has nothing to say; but only as
    /// long as anything can still be won.
    ///
    /// Without any contest it speaks now and then, so that its clock has been checked when one begins.
    package var exchangeMilliseconds: Int64? {
        guard self.coordinator != nil, self.mayIssue else { return nil }
        var shortest = ContestQueue.idleMilliseconds
        for (lot, lane) in self.lanes {
            guard let queue = lane.contest, queue.phase != .draining else { continue }
            // Also while the sale warms up or pauses: when it opens, nobody may have to wait for a watermark.
            let isClosed = lane.rules.map { $0.phase == .closed } ?? true
            if isClosed, queue.base >= self.book.candidates(lot).count { continue }
            let isBusy = queue.base < self.book.candidates(lot).count || !lane.isFlaggedSoldOut
            shortest = min(shortest, isBusy ? ContestQueue.exchangeMilliseconds : ContestQueue.slowMilliseconds)
        }
        return shortest
    }

    /// Leaves local sales for good: what is under way is finished, what is left is given back, the rest is contested.
    mutating func contend(_ lot: LotID, allowance: Int, now: Instant, into actions: inout [Action]) {
        guard self.lanes[known: lot].contest == nil else { return }
        self.append(.contended(lot), into: &actions)
        if self.survey == nil { actions.append(.recovered(lot)) }  // In a contest Redis has no part.
        self.lanes[known: lot].contest = ContestQueue(phase: .draining, allowance: allowance)
        self.lanes[known: lot].credit = 0
        self.lanes[known: lot].releases = []
        self.lower(lot, into: &actions)
        self.drain(lot, now: now, into: &actions)
    }

    /// Joins the contest as soon as no call to Redis is under way: until then it is open who was sold to locally.
    mutating func drain(_ lot: LotID, now: Instant, into actions: inout [Action]) {
        guard let lane = self.lanes[lot], lane.contest?.phase == .draining, lane.callUnderway == nil else { return }
        self.join(lot, now: now, into: &actions)
    }

    /// From here on the queue is complete up to the watermark: those who waited enter it first.
    mutating func join(_ lot: LotID, now: Instant, into actions: inout [Action]) {
        let lane = self.lanes[known: lot]
        self.lanes[known: lot].contest!.phase = .joined
        self.lanes[known: lot].starved = []
        self.lanes[known: lot].waiting = []
        let entrants = (lane.starved.map(\.request) + lane.waiting).sorted { $0.stamp < $1.stamp }
        for request in entrants { self.contest(request, now: now, into: &actions) }
        self.returnLeftover(lot, into: &actions)
    }

    /// In a contest nothing is sold locally: whatever is free goes back to the pool, for the first in line.
    mutating func returnLeftover(_ lot: LotID, into actions: inout [Action]) {
        guard let queue = self.lanes[lot]?.contest, queue.phase != .draining else { return }
        let counters = self.book[lot]
        guard counters.available > 0 else { return }
        self.append(.returned(lot, total: counters.returned + counters.available), into: &actions)
    }

    /// Takes a request into the contest, if it can still get anything there.
    mutating func contest(_ request: BuyRequest, now: Instant, into actions: inout [Action]) {
        if let known = self.knownAnswer(request) { return actions.append(.reply(request, known)) }
        guard self.lanes[known: request.lot].contest!.phase == .joined else {
            return self.wait(request, into: &actions)
        }
        let (lane, limit) = (self.lanes[known: request.lot], self.lanes[known: request.lot].rules?.buyerLimit ?? 1)
        let held = self.book.held(by: request.buyer, lot: request.lot)
        let wanted = self.book.contested(by: request.buyer, lot: request.lot)
        guard held + wanted + Int(request.quantity) <= limit else {
            return self.refuse(request, held: held + wanted, limit: limit, into: &actions)
        }
        guard self.rivals(of: request, limit: limit) < lane.contest!.allowance else {
            return self.refuseSoldOut(request, now: now, into: &actions)
        }
        let order = Order(
            id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
            buyerLimit: limit, generation: self.book.generation, state: .contested, stamp: request.stamp,
            deadline: .distantFuture)
        self.append(.contested(order, uncertaintyMicroseconds: request.uncertaintyMicroseconds), into: &actions)
        actions.append(.changed(order))
        actions.append(.reply(request, .order(order)))
    }

    /// Candidates of this unit that come before the request for the same stock. A candidate that wants more than it
    /// does may be passed over, and does not count as long as it is undecided.
    private func rivals(of request: BuyRequest, limit: Int) -> Int {
        let candidates = self.book.candidates(request.lot)
        guard limit > 1 else { return candidates.count }
        let base = self.lanes[known: request.lot].contest!.base
        return candidates.count
            - candidates.dropFirst(base).count { candidate in
                candidate.quantity > Int(request.quantity) && self.book.orders.state(of: candidate.order) == .contested
            }
    }

    private mutating func wait(_ request: BuyRequest, into actions: inout [Action]) {
        guard self.lanes[known: request.lot].starved.count < Limits.starvedRequests else {
            return actions.append(.reply(request, .refused(.overloaded(limit: Limits.starvedRequests))))
        }
        self.lanes[known: request.lot].starved.append(Starved(request: request, since: self.steady))
    }

    /// Every request stamped up to here has been handed in.
    mutating func handedIn(upTo watermark: Stamp) {
        for lot in self.lanes.keys where self.lanes[known: lot].contest?.phase == .joined {
            self.lanes[known: lot].contest!.watermark = max(self.lanes[known: lot].contest!.watermark, watermark)
        }
    }
}
