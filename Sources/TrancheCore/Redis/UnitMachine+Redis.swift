// The unit's handling of its Redis, the second witness of what it sells.
//
// The ledger is the truth. Redis is a fence and a second memory. Another process on a copy of this ledger may be vouched
// for by this Redis while the center is away. Its first priming takes the whole unit over, and then every step of
// this process is refused. So a buyer is answered only when both have the order: without Redis' part, both processes
// would sell the same stock. That is also why a sale waits while Redis is away.

extension UnitMachine {
    mutating func redisCallEnded(
        _ result: RedisResult, of lot: LotID, _ fence: UInt64, now: Instant, into output: inout UnitOutput
    ) {
        // A result for an older fence does not describe the present lot.
        guard self.lots[lot]?.redis.fence == fence else { return }
        switch result {
        case .primed(let run):
            guard let primed = self.lots[known: lot].redis.primed(at: self.steady) else { return }
            if run != self.book.redis { self.append(.redis(run), into: &output) }
            self.confirmReturns(upTo: primed.witness)
            self.reveal(primed.orders, into: &output)
            self.flagSoldOut(lot, into: &output)
        case .stepped:
            guard let step = self.lots[known: lot].redis.stepped(at: self.steady) else { return }
            self.confirmReturns(upTo: step.witness)
            self.answerAdmitted(step, into: &output)
            self.answerRevived(step, into: &output)
            self.answerReferred(step, into: &output)
        case .lost:
            let retryAt = self.lots[known: lot].redis.retryAfterLoss(
                now: self.steady, pauseMilliseconds: self.settings.retryMilliseconds)
            self.unprime(lot, retryAt: retryAt, into: &output)
            self.primeLots(into: &output)
        case .unreachable:
            self.unprime(
                lot, retryAt: self.steady.advanced(milliseconds: self.settings.retryMilliseconds), into: &output)
        case .superseded: self.stopSuperseded("another process has taken this unit's Redis over", into: &output)
        }
    }

    /// Redis was primed from a ledger that has these orders, so buyers may learn of them.
    private func reveal(_ orders: [OrderID], into output: inout UnitOutput) {
        for id in orders {
            if let order = self.book.orders[id] { output.add(.changed(order)) }
        }
    }

    /// - Parameter survey: `nil` if Redis did not answer.
    mutating func surveyed(_ survey: RedisSurvey?, now: Instant, into output: inout UnitOutput) {
        guard self.survey == nil else { return }
        self.surveyAt = self.steady.advanced(milliseconds: self.settings.retryMilliseconds)
        if let survey {
            self.survey = survey
            self.headAtSurvey = self.head.position
            self.fenceFloor = survey.newestFence
            for lot in self.lots.keys { self.lots[known: lot].redis.raise(fence: survey.newestFence) }
            if survey.ledger == self.ledger, survey.proof == survey.witness {
                self.adopt(survey.admitted, now: now, into: &output)
            }
            output.add(.recovered)
        }
        guard self.registration == .surveying else { return self.checkSurvey(into: &output) }
        self.registration = .unvouched
        self.register(nil, into: &output)
    }

    /// Asks again for what Redis holds, if it did not answer at the start. Until then no lot is primed, because that would
    /// delete it.
    mutating func surveyAgain(into output: inout UnitOutput) {
        guard self.survey == nil, self.registration != .surveying, self.surveyAt <= self.steady else { return }
        self.surveyAt = .distantFuture
        output.add(.survey)
    }

    /// The center has vouched before Redis could be asked.
    private mutating func checkSurvey(into output: inout UnitOutput) {
        guard self.redisContradicts else { return self.primeLots(into: &output) }
        self.stop("Redis has seen a newer state of this ledger than the ledger itself has", into: &output)
    }

    /// Makes reservations of the last steps' requests that are not in the ledger. Their commit was under way: another
    /// process on another copy of the ledger may have finished it, and answered them. An order without an answer expires.
    private mutating func adopt(_ requests: [BuyRequest], now: Instant, into output: inout UnitOutput) {
        for request in requests
        where self.book.orders.state(of: request.order) == nil && self.book.refused[request.order] == nil {
            let held = self.book.held(by: request.buyer, lot: request.lot)
            guard self.book.contests[request.lot] == nil, self.book[request.lot].available >= request.quantity
            else { continue }
            self.appendReservation(
                Order(
                    id: request.order, buyer: request.buyer, lot: request.lot, quantity: request.quantity,
                    buyerLimit: held + request.quantity, generation: self.book.generation, stamp: request.stamp,
                    deadline: now.advanced(
                        milliseconds: self.lots[request.lot]?.rules?.paymentWindowMilliseconds ?? 60_000),
                    price: self.lots[request.lot]?.rules?.price ?? .none, reference: request.reference),
                into: &output)
        }
    }

    /// Whether Redis vouches for the ledger. Redis must have seen this ledger. The ledger must still have everything
    /// that Redis saw in it. And it must be the process of Redis that the ledger names: one that was loaded from a file
    /// may have been restored together with the whole computer.
    var redisVouches: Bool {
        guard self.redisMayVouch, let survey = self.survey, survey.ledger == self.ledger, survey.witness != nil,
            survey.run == self.book.redis
        else { return false }
        return survey.proof == survey.witness
    }

    /// Whether Redis has seen entries of this ledger and generation that the ledger does not have: it was set back, or is a
    /// copy. The center cannot know this if it heard no report since.
    var redisContradicts: Bool {
        guard let survey = self.survey, survey.ledger == self.ledger, survey.generation == self.book.generation,
            let witness = survey.witness
        else { return false }
        // A ledger forgets some heads of heartbeats: not to have one is no contradiction, if it goes on behind it.
        guard let proof = survey.proof else { return witness.position > self.headAtSurvey }
        return proof != witness
    }

    /// Primes every lot that needs Redis and whose time to retry has come.
    mutating func primeLots(into output: inout UnitOutput) {
        guard self.mayIssue, let survey = self.survey else { return }
        for lot in self.lots.keys where self.lots[known: lot].redis.isDue(at: self.steady) {
            let available = self.book[lot].available
            self.lots[known: lot].redis.beginPriming(available: available, witness: self.head)
            self.toldRedis = self.head
            output.add(
                .prime(
                    RedisPrime(
                        lot: lot, fence: self.lots[known: lot].redis.fence, owner: self.session,
                        surveyed: survey.mark, available: available, ledger: self.ledger,
                        generation: self.book.generation, witness: self.head)))
        }
    }

    /// Takes a lot out of service until it has been primed again.
    mutating func unprime(_ lot: LotID, retryAt: Instant, into output: inout UnitOutput) {
        if let step = self.lots[known: lot].redis.unprime(retryAt: retryAt) {
            for admission in step.admitted { output.add(durableAlready: .withheld(admission.request)) }
            for revival in step.revivals { Self.answer(revival.late.ticket, .refused(.recovering), into: &output) }
            for referral in step.referrals { output.addAnswer(to: referral.request, .refused(.recovering)) }
        }
        self.refuseQueued(lot, .recovering, into: &output)
        self.refuseLate(lot, into: &output)
        self.lowerFlag(lot, into: &output)
    }

    /// Sends steps without a sale, so that a Redis that lost a lot is noticed, and so that Redis knows the ledger's
    /// newest head. Redis can vouch only for what it knows.
    mutating func probe(into output: inout UnitOutput) {
        for lot in self.lots.keys {
            let state = self.lots[known: lot]
            guard state.redis.isIdle else { continue }
            if state.redis.isSilent(at: self.steady) || self.toldRedis != self.head {
                self.addStep(lot, [], into: &output)
            }
        }
    }

    /// Tells Redis the sum of what was decided for a lot since its last step.
    mutating func addStep(
        _ lot: LotID, _ admitted: [Admission], _ revivals: [Revival] = [], into output: inout UnitOutput
    ) {
        self.toldRedis = self.head
        output.add(
            self.lots[known: lot].redis.beginStep(
                of: lot, owner: self.session, available: self.book[lot].available, witness: self.head,
                admitted: admitted, referrals: self.takeReferrals(lot), revivals: revivals))
    }

    /// Redis has the ledger up to this head, so the center may learn what was returned up to there. A process on a copy
    /// without the return is not vouched for by this Redis any more.
    private mutating func confirmReturns(upTo head: LedgerHead) {
        for lot in self.lotsToConfirm {
            self.lots[lot]?.returns.confirm(upTo: head.position)
            if self.lots[lot]?.returns.isConfirmed != false { self.lotsToConfirm.remove(lot) }
        }
    }
}
