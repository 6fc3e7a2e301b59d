// How a unit leaves the local sale of a lot for the contest, and how it handles requests then.

extension UnitMachine {
    /// Whether the lot is contested, or about to be.
    package func isContended(_ lot: LotID) -> Bool { self.lots[lot]?.isContended ?? false }

    /// How long to wait between two reports to the coordinator, in milliseconds, or `nil` if there is none to report to.
    ///
    /// The frontier waits for the slowest watermark, so a unit reports often even without candidates, as long as stock
    /// can still be won.
    ///
    /// Without any contest it reports once a second, so that its clock has been checked when one begins.
    package var contestReportMilliseconds: Int64? {
        guard self.coordinator != nil, self.mayIssue else { return nil }
        var shortest = ContestQueue.idleMilliseconds
        for lot in self.book.contests.keys {
            guard let state = self.lots[lot], let queue = state.contest else { continue }
            // Also while the sale warms up or pauses: when it opens, no buyer may have to wait for a watermark.
            let isClosed = state.rules.map { $0.phase == .closed } ?? true
            if isClosed, queue.base >= self.book.candidates(lot).count { continue }
            let isBusy = queue.base < self.book.candidates(lot).count || !state.isFlaggedSoldOut
            shortest = min(shortest, isBusy ? ContestQueue.reportMilliseconds : ContestQueue.slowMilliseconds)
        }
        return shortest
    }

    /// Leaves the local sale for good: free stock is returned, and requests that wait enter the contest before later ones.
    /// Orders whose step in Redis is under way are in the book, and stay local.
    mutating func leave(_ lot: LotID, allowance: Int, now: Instant, into output: inout UnitOutput) {
        guard self.lots[known: lot].isLocal else { return }
        self.append(.contended(lot), into: &output)
        self.lots[known: lot].contest(allowance: allowance)
        self.lowerFlag(lot, into: &output)
        self.enterQueued(lot, now: now, into: &output)
        _ = self.decideLate(lot, now: now, into: &output)  // They are refunded now: there is no local sale any more.
        self.returnLeftover(lot, into: &output)
    }

    /// From here on the queue is complete up to the watermark: requests that waited enter it first.
    mutating func enterQueued(_ lot: LotID, now: Instant, into output: inout UnitOutput) {
        let entrants = self.lots[known: lot].removeQueued().sorted { $0.stamp < $1.stamp }
        for request in entrants { self.enterContest(request, now: now, into: &output) }
    }

    /// In a contest nothing is sold locally: free stock goes back to the pool, for the first in line.
    mutating func returnLeftover(_ lot: LotID, into output: inout UnitOutput) {
        guard self.lots[lot]?.contest != nil else { return }
        let counters = self.book[lot]
        guard counters.available > 0 else { return }
        self.append(.returned(lot, total: counters.returned + counters.available), into: &output)
    }

    /// Enters a request in the contest, if it can still get stock or a place in the waitlist.
    mutating func enterContest(_ request: BuyRequest, now: Instant, into output: inout UnitOutput) {
        if let known = self.knownAnswer(request) { return output.addAnswer(to: request, known) }
        if self.refer(request, into: &output) { return }
        guard let queue = self.lots[known: request.lot].contest, queue.phase == .joined else {
            return self.waitForContest(request, into: &output)
        }
        let limit = self.lots[known: request.lot].rules?.contestLimit ?? 1
        let held = self.book.held(by: request.buyer, lot: request.lot)
        let wanted = self.book.contested(by: request.buyer, lot: request.lot)
        guard held + wanted + request.quantity <= limit else {
            return self.refuseOverLimit(request, held: held + wanted, limit: limit, into: &output)
        }
        guard self.rivals(of: request) < queue.allowance else {
            return self.refuseSoldOut(request, into: &output)
        }
        let order = Order(
            id: request.order, buyer: request.buyer, lot: request.lot, quantity: request.quantity,
            buyerLimit: limit, generation: self.book.generation, state: .contested, stamp: request.stamp,
            deadline: .distantFuture, price: self.lots[known: request.lot].rules?.price ?? .none,
            reference: request.reference)
        self.append(.contested(order, uncertaintyMicroseconds: request.uncertaintyMicroseconds), into: &output)
        output.addAnswer(to: request, .order(order))
    }

    /// Candidates of this unit that come before the request for the same stock. A candidate that wants more than it
    /// does may be passed over, and does not count as long as it is undecided.
    private func rivals(of request: BuyRequest) -> Int {
        self.book.candidates(request.lot).count - self.book.undecided(request.lot, above: request.quantity)
    }

    /// The request waits until the unit may enter requests.
    private mutating func waitForContest(_ request: BuyRequest, into output: inout UnitOutput) {
        guard self.lots[known: request.lot].starved.count < Limits.starvedRequests else {
            return output.addAnswer(to: request, .refused(.overloaded(limit: Limits.starvedRequests)))
        }
        self.lots[known: request.lot].starved.append(StarvedRequest(request: request, since: self.steady))
    }

    /// Every request stamped up to here has been handed in.
    mutating func raise(_ watermark: Stamp) {
        for lot in self.book.contests.keys { self.lots[lot]?.contest?.raise(watermark) }
    }

    /// The sold-out flag of a contended lot: up while no new request can get stock or a place in the waitlist.
    mutating func flagContestFull(_ lot: LotID, into output: inout UnitOutput) {
        guard let queue = self.lots[lot]?.contest, queue.phase == .joined else { return }
        let isFull = self.book.candidates(lot).count >= queue.allowance
        if isFull { self.raiseFlag(lot, into: &output) } else { self.lowerFlag(lot, into: &output) }
    }
}
