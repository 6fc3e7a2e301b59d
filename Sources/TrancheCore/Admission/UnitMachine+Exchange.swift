// What a unit tells the coordinator in a contest, and what it does with the coordinator's word.

extension UnitMachine {
    mutating func exchange(now: Instant, into actions: inout [Action]) {
        guard self.mayIssue, let coordinator = self.coordinator else { return }
        var lots: [ContestReport.Lot] = []
        var room = Limits.candidatesPerReportInAll
        // Another lot begins each time, so that none waits for room for ever.
        let all = self.lanes.keys
        self.exchangeTurn = all.isEmpty ? 0 : (self.exchangeTurn + 1) % all.count
        for lot in all[self.exchangeTurn...] + all[..<self.exchangeTurn] {
            guard let queue = self.lanes[known: lot].contest, queue.phase != .draining else { continue }
            self.lanes[known: lot].contest!.follow(coordinator.epoch)
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
        var queue = self.lanes[known: lot].contest!
        let candidates = self.book.candidates(lot)
        while queue.base < candidates.count, self.book.orders.state(of: candidates[queue.base].order) != .contested {
            queue.base += 1
        }
        queue.acknowledged = max(queue.acknowledged, queue.base)
        let isStuck = self.steady.milliseconds(since: queue.progressAt) >= ContestQueue.resendMilliseconds
        if queue.sent < queue.acknowledged || isStuck { queue.sent = queue.acknowledged }
        if queue.sent == queue.acknowledged { queue.progressAt = self.steady }
        let first = queue.sent
        let last = min(candidates.count, first + min(room, Limits.candidatesPerReport))
        queue.sent = max(queue.sent, last)
        self.lanes[known: lot].contest = queue
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
        let old = self.lanes[known: lot].contest!
        guard reply.isTaken else {
            self.lanes[known: lot].contest!.sent = old.acknowledged
            return
        }
        if reply.next > old.acknowledged { self.lanes[known: lot].contest!.progressAt = self.steady }
        self.lanes[known: lot].contest!.acknowledged = max(old.acknowledged, reply.next)
        self.lanes[known: lot].contest!.allowance = max(old.allowance, reply.allowance)
        self.lanes[known: lot].contest!.mayReturn = reply.mayReturn
        if reply.from <= old.heard {
            for verdict in reply.verdicts.dropFirst(old.heard - reply.from) {
                self.lanes[known: lot].contest!.heard += 1
                self.take(verdict, lot, now: now, into: &actions)
            }
        }
        for standing in reply.standings ?? [] {
            actions.append(.standing(standing.order, ahead: standing.ahead, mayReturn: reply.mayReturn))
        }
        actions.append(.fence(reply.fence))
        if self.lanes[known: lot].contest!.phase == .asking { self.join(lot, now: now, into: &actions) }
        self.returnLeftover(lot, into: &actions)
        self.judgeContest(lot, into: &actions)
    }

    private mutating func take(_ verdict: Verdict, _ lot: LotID, now: Instant, into actions: inout [Action]) {
        guard verdict.generation == self.book.generation, let order = self.book.orders[verdict.order] else { return }
        switch verdict.kind {
        case .allocated: self.allocate(order, now: now, into: &actions)
        case .waitlisted:
            actions.append(.standing(order.id, ahead: nil, mayReturn: self.lanes[known: lot].contest!.mayReturn))
        case .released: if order.state == .contested { self.lose(order, as: .lost, now: now, into: &actions) }
        }
    }

    private mutating func allocate(_ order: Order, now: Instant, into actions: inout [Action]) {
        guard !self.book.isAllocated(order.id) else { return }  // Heard before.
        var allocated = order
        if order.state == .contested {
            allocated.state = .reserved
            allocated.deadline = now.advanced(
                milliseconds: self.lanes[known: order.lot].rules?.paymentWindowMilliseconds ?? 0)
            self.deadlines.insert(.init(deadline: allocated.deadline, order: order.id))
        }
        // A buyer who has gone meanwhile gets nothing: the stock is free here, and goes back.
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
        self.lanes[known: lot].isFlaggedSoldOut = true
        actions.append(.setSoldOut(lot, true))
    }
}
