// A unit's reports to the coordinator in a contest, and its handling of the replies.

extension UnitMachine {
    mutating func reportContest(now: Instant, into output: inout UnitOutput) {
        guard self.mayIssue, let coordinator = self.coordinator else { return }
        var lots: [ContestReport.Lot] = []
        var room = Limits.candidatesPerReportInAll
        // Another lot begins each time, so that none waits for room for ever.
        let all = self.lots.keys
        self.contestReportTurn = all.isEmpty ? 0 : (self.contestReportTurn + 1) % all.count
        for lot in all[self.contestReportTurn...] + all[..<self.contestReportTurn] {
            guard var queue = self.lots[known: lot].contest else { continue }
            queue.follow(coordinator.epoch)
            lots.append(self.contestReport(lot, of: &queue, room: room))
            self.lots[known: lot].contest = queue
            room -= lots[lots.count - 1].candidates.count
        }
        output.add(
            .contestReport(
                ContestReport(
                    unit: self.unit, generation: self.book.generation, epoch: coordinator.epoch, isTrusted: true,
                    lots: lots)))
    }

    private func contestReport(_ lot: LotID, of queue: inout ContestQueue, room: Int) -> ContestReport.Lot {
        let candidates = self.book.candidates(lot)
        while queue.base < candidates.count, self.book.orders.state(of: candidates[queue.base].order) != .contested {
            queue.base += 1
        }
        let sending = queue.send(
            upTo: candidates.count, atMost: min(room, Limits.candidatesPerReport), now: self.steady)
        return ContestReport.Lot(
            lot: lot, base: queue.base, candidates: Array(candidates[sending]), end: candidates.count,
            watermark: queue.watermark, heard: queue.heard)
    }

    mutating func follow(_ reply: ContestReply, now: Instant, into output: inout UnitOutput) {
        guard let coordinator = self.coordinator, reply.epoch == coordinator.epoch,
            reply.generation == self.book.generation
        else { return }
        for lot in reply.lots where self.lots[lot.lot]?.contest?.epoch == reply.epoch {
            self.follow(lot, now: now, into: &output)
        }
    }

    private mutating func follow(_ reply: ContestReply.Lot, now: Instant, into output: inout UnitOutput) {
        let lot = reply.lot
        guard let verdicts = self.lots[known: lot].contest?.heard(reply, now: self.steady) else { return }
        for verdict in verdicts {
            self.lots[known: lot].contest?.heard += 1
            self.apply(verdict, mayReturn: reply.mayReturn, now: now, into: &output)
        }
        for told in reply.positions ?? [] {
            output.add(
                .waitlisted(told.order, WaitlistPosition(ahead: told.ahead, mayReturn: reply.mayReturn)))
        }
        output.add(.fence(reply.fence))
        if self.lots[known: lot].contest?.phase == .asking {
            self.lots[known: lot].beginEntering()
            self.enterQueued(lot, now: now, into: &output)
        }
        self.returnLeftover(lot, into: &output)
        self.flagContestFull(lot, into: &output)
    }

    private mutating func apply(_ verdict: Verdict, mayReturn: Int, now: Instant, into output: inout UnitOutput) {
        guard verdict.generation == self.book.generation, let order = self.book.orders[verdict.order] else { return }
        switch verdict.kind {
        case .allocated: self.allocate(order, now: now, into: &output)
        case .waitlisted:
            if order.state == .contested { self.lots[known: order.lot].contest?.lined.insert(order.id) }
            output.add(.waitlisted(order.id, WaitlistPosition(ahead: nil, mayReturn: mayReturn)))
        case .released:
            self.lots[known: order.lot].contest?.lined.remove(order.id)
            if order.state == .contested { self.lose(order, as: .lost, now: now, into: &output) }
        }
    }

    private mutating func allocate(_ order: Order, now: Instant, into output: inout UnitOutput) {
        // The verdicts for a process begin with those that an earlier one has applied.
        let isOffer = self.lots[known: order.lot].contest?.lined.remove(order.id) != nil
        guard !self.book.isAllocated(order.id) else { return }
        var allocated = order
        if order.state == .contested {
            allocated.state = .reserved
            let rules = self.lots[known: order.lot].rules
            let window = isOffer ? rules?.claimWindowMilliseconds : rules?.paymentWindowMilliseconds
            allocated.deadline = now.advanced(milliseconds: window ?? 0)
            self.deadlines.insert(.init(deadline: allocated.deadline, order: order.id))
        }
        // A buyer that has cancelled meanwhile gets nothing: the stock is free here, and goes back.
        self.append(.allocated(allocated, isOffer: isOffer), into: &output)
        output.add(.changed(allocated))
    }

    mutating func lose(_ order: Order, as state: OrderState, now: Instant, into output: inout UnitOutput) {
        var lost = order
        lost.state = state
        lost.deadline = now  // When it ended.
        self.append(.lost(lost), into: &output)
        output.add(.changed(lost))
    }
}
