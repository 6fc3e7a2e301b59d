// The unit's handling of the results of its Redis, and how it fills a Redis that has lost its data.

extension UnitMachine {
    mutating func apply(
        _ result: LotResult, of lot: LotID, _ fence: UInt64, now: Instant, into output: inout UnitOutput
    ) {
        // A result for an older fence does not describe the present lot.
        guard self.lots[lot]?.redis.fence == fence else { return }
        switch result {
        case .primed(let run):
            // What the ledger learned while Redis was primed waits in the local sale.
            guard self.lots[known: lot].redis.primed(at: self.steady) else { return }
            if run != self.book.redis { self.append(.redis(run), into: &output) }
            if self.survey == nil { output.add(.recovered(lot)) }
        case .decided(let verdicts, let sequence, let available, let taken):
            guard let call = self.lots[known: lot].redis.decided(sequence: sequence, at: self.steady) else { return }
            self.apply(verdicts, of: call, taken: taken, now: now, into: &output)
            self.flagSoldOut(lot, available: available, now: now, into: &output)
        case .lost:
            let retryAt = self.lots[known: lot].redis.retryAfterLoss(
                now: self.steady, pauseMilliseconds: self.settings.retryMilliseconds)
            self.unprime(lot, retryAt: retryAt, into: &output)
            self.primeLots(into: &output)
        case .unreachable:
            self.unprime(
                lot, retryAt: self.steady.advanced(milliseconds: self.settings.retryMilliseconds), into: &output)
        case .superseded:
            return self.stop("another process has taken this unit's Redis over", into: &output)
        }
        self.finishLeaving(lot, now: now, into: &output)
    }

    mutating func surveyed(_ survey: RedisSurvey?, now: Instant, into output: inout UnitOutput) {
        guard self.registration == .surveying else { return }
        self.survey = survey
        if let survey {
            self.fenceFloor = survey.newestFence
            for lot in self.lots.keys { self.lots[known: lot].redis.raise(fence: survey.newestFence) }
            if survey.ledger == self.ledger { self.adopt(survey.admitted, now: now, into: &output) }
            output.add(.recovered(nil))
        } else {
            // It stays unknown what Redis admitted of the other lots, until priming deletes it.
            for lot in self.lots.keys where self.isContended(lot) { output.add(.recovered(lot)) }
        }
        self.registration = .unvouched
        self.register(nil, into: &output)
    }

    /// Makes reservations of what Redis admitted and the ledger lost, or never got.
    ///
    /// Redis is written first, so it is never behind the answers to buyers. An order without an answer expires.
    private mutating func adopt(_ requests: [BuyRequest], now: Instant, into output: inout UnitOutput) {
        for request in requests
        where self.book.orders.state(of: request.order) == nil && self.book.refused[request.order] == nil {
            let held = self.book.held(by: request.buyer, lot: request.lot)
            guard self.book.contests[request.lot] == nil, self.book[request.lot].available >= Int(request.quantity)
            else { continue }
            let order = Order(
                id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
                buyerLimit: held + Int(request.quantity), generation: self.book.generation, stamp: request.stamp,
                deadline: now.advanced(
                    milliseconds: self.lots[request.lot]?.rules?.paymentWindowMilliseconds ?? 60_000))
            self.appendReservation(order, into: &output)
        }
    }

    /// Rebuilds Redis for every lot that needs it and whose time to retry has come.
    mutating func primeLots(into output: inout UnitOutput) {
        guard self.mayIssue else { return }
        for lot in self.lots.keys
        where self.lots[known: lot].redis.isDue(at: self.steady) && self.lots[known: lot].isLocal {
            self.prime(lot, into: &output)
        }
    }

    private mutating func prime(_ lot: LotID, into output: inout UnitOutput) {
        self.lots[known: lot].redis.beginPriming()
        // The ledger's truth holds every grant, return and release already.
        self.lots[known: lot].local = LocalSale()
        output.add(
            .prime(
                LotPrime(
                    lot: lot, fence: self.lots[known: lot].redis.fence, available: self.book[lot].available,
                    holdings: self.holdings(of: lot), ledger: self.ledger, witness: self.head)))
    }

    /// The buyers that hold items of a lot, in the order in which they came.
    private func holdings(of lot: LotID) -> [LotPrime.Holding] {
        var holdings: [LotPrime.Holding] = []
        // Buyers with more than one order that counts, or another one: their index among the holdings, if they have one.
        var several: [BuyerID: Int?] = [:]
        self.book.forEachHolder(of: lot) { order, quantity in
            if order.state.isLive, Int(order.quantity) == quantity {
                holdings.append(LotPrime.Holding(buyer: order.buyer, quantity: quantity, order: order.id))
            } else {
                several[order.buyer] = .some(nil)
            }
        }
        guard !several.isEmpty else { return holdings }
        for order in self.book.orders where order.lot == lot && order.state.isLive {
            guard let known = several[order.buyer] else { continue }
            if let index = known {
                holdings[index].add(order.id, quantity: Int(order.quantity))
            } else {
                several[order.buyer] = holdings.count
                holdings.append(LotPrime.Holding(buyer: order.buyer, quantity: Int(order.quantity), order: order.id))
            }
        }
        return holdings
    }

    /// Takes a lot out of service until it has been primed again.
    mutating func unprime(_ lot: LotID, retryAt: Instant, into output: inout UnitOutput) {
        self.refuseQueued(lot, .recovering, into: &output)
        self.lots[known: lot].redis.unprime(retryAt: retryAt)
        self.lowerFlag(lot, into: &output)
    }
}
