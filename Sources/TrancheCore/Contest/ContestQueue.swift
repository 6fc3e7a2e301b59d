/// A unit's side of the contest of one lot: what it has to forward, and what it has heard.
///
/// The queue itself is in the unit's book, so that it survives the process; this is what a process knows beside it.
struct ContestQueue: Sendable {
    /// Pause between two reports while somebody waits, in milliseconds.
    static let exchangeMilliseconds: Int64 = 5
    /// The same while nothing can be won, and while there is no contest at all.
    static let slowMilliseconds: Int64 = 100
    static let idleMilliseconds: Int64 = 1_000
    /// After this long without progress, candidates are sent again, in milliseconds. Below `holdMax`, so that one lost
    /// message does not make requests late.
    static let resendMilliseconds: Int64 = 400

    enum Phase: Hashable, Sendable {
        /// Local sales that were under way at the switch have not finished.
        case draining
        /// After a restart: the coordinator has not said how many can still win.
        case asking
        case joined
    }

    var phase: Phase
    /// Requests stamped up to here have been handled.
    var watermark = Stamp.zero
    /// Candidates below this index are decided.
    var base = 0
    /// Candidates that the coordinator has received without a gap, and those that were sent to it.
    var acknowledged = 0
    var sent = 0
    /// When the coordinator last received something new, or nothing was under way.
    var progressAt = Instant.distantPast
    var allowance: Int
    var heard = 0
    /// The leader that the numbers above belong to.
    var epoch = Epoch(0)
    var mayReturn = 0

    init(phase: Phase, allowance: Int) {
        self.phase = phase
        self.allowance = allowance
    }

    /// A new leader knows the log only: begin again.
    mutating func follow(_ epoch: Epoch) {
        guard epoch > self.epoch else { return }
        self.epoch = epoch
        self.acknowledged = self.base
        self.sent = self.base
    }
}

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

    // MARK: the switch

    /// Leaves local sales for good: what is under way is finished, what is left is given back, the rest is contested.
    mutating func contend(_ lot: LotID, allowance: Int, now: Instant, into actions: inout [Action]) {
        guard self.lanes[lot]!.contest == nil else { return }
        self.append(.contended(lot), into: &actions)
        self.lanes[lot]!.contest = ContestQueue(phase: .draining, allowance: allowance)
        self.lanes[lot]!.credit = 0
        self.lanes[lot]!.releases = []
        self.lower(lot, into: &actions)
        self.drain(lot, now: now, into: &actions)
    }

    /// Joins the contest as soon as no call to Redis is under way: until then it is open who was sold to locally.
    mutating func drain(_ lot: LotID, now: Instant, into actions: inout [Action]) {
        guard let lane = self.lanes[lot], lane.contest?.phase == .draining, lane.callUnderway == nil else { return }
        self.join(lot, now: now, into: &actions)
    }

    /// From here on the queue is complete up to the watermark: those who waited enter it first.
    private mutating func join(_ lot: LotID, now: Instant, into actions: inout [Action]) {
        let lane = self.lanes[lot]!
        self.lanes[lot]!.contest!.phase = .joined
        self.lanes[lot]!.starved = []
        self.lanes[lot]!.waiting = []
        let entrants = (lane.starved + lane.waiting).sorted { $0.stamp < $1.stamp }
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

    // MARK: requests

    /// Takes a request into the contest, if it can still get anything there.
    mutating func contest(_ request: BuyRequest, now: Instant, into actions: inout [Action]) {
        if let known = self.knownAnswer(request) { return actions.append(.reply(request, known)) }
        guard self.lanes[request.lot]!.contest!.phase == .joined else {
            return self.wait(request, into: &actions)
        }
        let (lane, limit) = (self.lanes[request.lot]!, self.lanes[request.lot]!.rules?.buyerLimit ?? 1)
        if lane.refusals.refuses(request.order, issuedAt: request.issuedAt) {  // A copy was refused a moment ago.
            return self.refuseSoldOut(request, now: now, into: &actions)
        }
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

    /// Candidates of this unit that come before the request for the same stock. Whoever wants more than it does may be
    /// passed over, and does not count as long as it is undecided.
    private func rivals(of request: BuyRequest, limit: Int) -> Int {
        let candidates = self.book.candidates(request.lot)
        guard limit > 1 else { return candidates.count }
        let base = self.lanes[request.lot]!.contest!.base
        return candidates.count
            - candidates.dropFirst(base).count { candidate in
                candidate.quantity > Int(request.quantity) && self.book.orders[candidate.order]?.state == .contested
            }
    }

    private mutating func wait(_ request: BuyRequest, into actions: inout [Action]) {
        guard self.lanes[request.lot]!.starved.count < Limits.starvedRequests else {
            return actions.append(.reply(request, .refused(.overloaded(limit: Limits.starvedRequests))))
        }
        self.lanes[request.lot]!.starved.append(request)
    }

    /// Every request stamped up to here has been handed in.
    mutating func handedIn(upTo watermark: Stamp) {
        for lot in self.lanes.keys where self.lanes[lot]!.contest?.phase == .joined {
            self.lanes[lot]!.contest!.watermark = max(self.lanes[lot]!.contest!.watermark, watermark)
        }
    }

    // MARK: to and from the coordinator

    mutating func exchange(now: Instant, into actions: inout [Action]) {
        guard self.mayIssue, let coordinator = self.coordinator else { return }
        var lots: [ContestReport.Lot] = []
        var room = Limits.candidatesPerReportInAll
        // Another lot begins each time, so that none waits for room for ever.
        let all = self.lanes.keys.sorted()
        self.exchangeTurn = all.isEmpty ? 0 : (self.exchangeTurn + 1) % all.count
        for lot in all[self.exchangeTurn...] + all[..<self.exchangeTurn] {
            guard let queue = self.lanes[lot]!.contest, queue.phase != .draining else { continue }
            self.lanes[lot]!.contest!.follow(coordinator.epoch)
            lots.append(self.contestReport(lot, room: room, now: now))
            room -= lots[lots.count - 1].candidates.count
        }
        actions.append(
            .exchange(
                ContestReport(
                    unit: self.unit, generation: self.book.generation, epoch: coordinator.epoch, isTrusted: true,
                    lots: lots)))
    }

    private mutating func contestReport(_ lot: LotID, room: Int, now: Instant) -> ContestReport.Lot {
        var queue = self.lanes[lot]!.contest!
        let candidates = self.book.candidates(lot)
        while queue.base < candidates.count, self.book.orders[candidates[queue.base].order]?.state != .contested {
            queue.base += 1
        }
        queue.acknowledged = max(queue.acknowledged, queue.base)
        let isStuck = now.milliseconds(since: queue.progressAt) >= ContestQueue.resendMilliseconds
        if queue.sent < queue.acknowledged || isStuck { queue.sent = queue.acknowledged }
        if queue.sent == queue.acknowledged { queue.progressAt = now }
        let first = queue.sent
        let last = min(candidates.count, first + min(room, Limits.candidatesPerReport))
        queue.sent = max(queue.sent, last)
        self.lanes[lot]!.contest = queue
        return ContestReport.Lot(
            lot: lot, base: queue.base, candidates: Array(candidates[min(first, last)..<last]), end: candidates.count,
            watermark: queue.watermark, heard: queue.heard)
    }

    mutating func exchanged(_ reply: ContestReply, now: Instant, into actions: inout [Action]) {
        guard let coordinator = self.coordinator, reply.epoch == coordinator.epoch,
            reply.generation == self.book.generation
        else { return }
        for lot in reply.lots where self.lanes[lot.lot]?.contest?.epoch == reply.epoch {
            self.take(lot, now: now, into: &actions)
        }
    }

    private mutating func take(_ reply: ContestReply.Lot, now: Instant, into actions: inout [Action]) {
        let lot = reply.lot
        let old = self.lanes[lot]!.contest!
        guard reply.isTaken else {
            self.lanes[lot]!.contest!.sent = old.acknowledged
            return
        }
        if reply.next > old.acknowledged { self.lanes[lot]!.contest!.progressAt = now }
        self.lanes[lot]!.contest!.acknowledged = max(old.acknowledged, reply.next)
        self.lanes[lot]!.contest!.allowance = max(old.allowance, reply.allowance)
        self.lanes[lot]!.contest!.mayReturn = reply.mayReturn
        if reply.from <= old.heard {
            for verdict in reply.verdicts.dropFirst(old.heard - reply.from) {
                self.lanes[lot]!.contest!.heard += 1
                self.take(verdict, lot, now: now, into: &actions)
            }
        }
        for standing in reply.standings ?? [] {
            actions.append(.standing(standing.order, ahead: standing.ahead, mayReturn: reply.mayReturn))
        }
        actions.append(.fence(reply.fence))
        if self.lanes[lot]!.contest!.phase == .asking { self.join(lot, now: now, into: &actions) }
        self.returnLeftover(lot, into: &actions)
        self.judgeContest(lot, into: &actions)
    }

    private mutating func take(_ verdict: Verdict, _ lot: LotID, now: Instant, into actions: inout [Action]) {
        guard verdict.generation == self.book.generation, let order = self.book.orders[verdict.order] else { return }
        switch verdict.kind {
        case .allocated: self.allocate(order, now: now, into: &actions)
        case .waitlisted:
            actions.append(.standing(order.id, ahead: nil, mayReturn: self.lanes[lot]!.contest!.mayReturn))
        case .released: if order.state == .contested { self.lose(order, as: .lost, now: now, into: &actions) }
        }
    }

    private mutating func allocate(_ order: Order, now: Instant, into actions: inout [Action]) {
        guard !self.book.isAllocated(order.id) else { return }  // Heard before.
        var allocated = order
        if order.state == .contested {
            allocated.state = .reserved
            allocated.deadline = now.advanced(
                milliseconds: self.lanes[order.lot]!.rules?.paymentWindowMilliseconds ?? 0)
            self.deadlines.insert(.init(deadline: allocated.deadline, order: order.id))
        }
        // Whoever has gone meanwhile gets nothing: the stock is free here, and goes back.
        self.append(.allocated(allocated), into: &actions)
        actions.append(.changed(allocated))
    }

    mutating func lose(_ order: Order, as state: OrderState, now: Instant, into actions: inout [Action]) {
        var lost = order
        lost.state = state
        lost.deadline = now  // When it ended.
        self.append(.lost(lost), into: &actions)
        actions.append(.changed(lost))
    }

    /// The sold-out flag of a contended lot: up while nobody who comes now could get anything.
    mutating func judgeContest(_ lot: LotID, into actions: inout [Action]) {
        guard let lane = self.lanes[lot], let queue = lane.contest, queue.phase == .joined else { return }
        let isFull = self.book.candidates(lot).count >= queue.allowance
        if !isFull { return self.lower(lot, into: &actions) }
        guard !lane.isFlaggedSoldOut, lane.soldOutIsDurable else { return }
        self.lanes[lot]!.isFlaggedSoldOut = true
        actions.append(.setSoldOut(lot, true))
    }
}
