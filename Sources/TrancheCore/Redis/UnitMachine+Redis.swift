// The unit's handling of its Redis, the second witness of what it sells.
//
// The ledger is the truth. Redis is a fence and a second memory. Another process on a copy of this ledger may be vouched
// for by this Redis while the center is away. It primes its lots under a higher fence, and then every step of this
// process is refused. So a buyer is answered only when both have the order: without Redis' part, both processes
// would sell the same stock. That is also why a sale waits while Redis is away.

extension UnitMachine {
    mutating func apply(
        _ result: RedisResult, of lot: LotID, _ fence: UInt64, now: Instant, into output: inout UnitOutput
    ) {
        // A result for an older fence does not describe the present lot.
        guard self.lots[lot]?.redis.fence == fence else { return }
        switch result {
        case .primed(let run):
            guard let unwitnessed = self.lots[known: lot].redis.primed(at: self.steady) else { return }
            if run != self.book.redis { self.append(.redis(run), into: &output) }
            self.publish(unwitnessed, into: &output)
            self.flagSoldOut(lot, into: &output)
        case .stepped:
            guard let admitted = self.lots[known: lot].redis.stepped(at: self.steady) else { return }
            // The commit beside the step is done: the ledger takes the output with the step before any later event.
            output.reserve(facts: admitted.count)
            for admission in admitted { output.add(fact: .answer(admission.request, .order(admission.order))) }
        case .lost:
            let retryAt = self.lots[known: lot].redis.retryAfterLoss(
                now: self.steady, pauseMilliseconds: self.settings.retryMilliseconds)
            self.unprime(lot, retryAt: retryAt, into: &output)
            self.primeLots(into: &output)
        case .unreachable:
            self.unprime(
                lot, retryAt: self.steady.advanced(milliseconds: self.settings.retryMilliseconds), into: &output)
        case .superseded: self.stop("another process has taken this unit's Redis over", into: &output)
        }
    }

    /// Redis was primed from a ledger that has these orders, so buyers may learn of them.
    private func publish(_ orders: [OrderID], into output: inout UnitOutput) {
        for id in orders {
            if let order = self.book.orders[id] { output.add(.changed(order)) }
        }
    }

    mutating func surveyed(_ survey: RedisSurvey?, now: Instant, into output: inout UnitOutput) {
        guard self.registration == .surveying else { return }
        self.survey = survey
        if let survey {
            self.fenceFloor = survey.newestFence
            for lot in self.lots.keys { self.lots[known: lot].redis.raise(fence: survey.newestFence) }
        }
        self.registration = .unvouched
        self.register(nil, into: &output)
    }

    /// Whether Redis vouches for the ledger. Redis must have seen this ledger. The ledger must still have everything
    /// that Redis saw in it. And it must be the process of Redis that the ledger names: one that was loaded from a file
    /// may have been restored together with the whole computer.
    var redisVouches: Bool {
        guard self.redisMayVouch, let survey = self.survey, survey.ledger == self.ledger, let witness = survey.witness,
            survey.run == self.book.redis
        else { return false }
        return survey.proof == witness
    }

    /// Primes every lot that needs Redis and whose time to retry has come. In a contest Redis has no part, except for
    /// local orders that it has not confirmed yet.
    mutating func primeLots(into output: inout UnitOutput) {
        guard self.mayIssue else { return }
        for lot in self.lots.keys {
            let state = self.lots[known: lot]
            guard state.redis.isDue(at: self.steady), state.isLocal || !state.redis.unwitnessed.isEmpty else {
                continue
            }
            let available = self.book[lot].available
            self.lots[known: lot].redis.beginPriming(available: available)
            self.toldRedis = self.head
            output.add(
                .prime(
                    RedisPrime(
                        lot: lot, fence: self.lots[known: lot].redis.fence, available: available, ledger: self.ledger,
                        witness: self.head)))
        }
    }

    /// Takes a lot out of service until it has been primed again.
    mutating func unprime(_ lot: LotID, retryAt: Instant, into output: inout UnitOutput) {
        for request in self.lots[known: lot].redis.unprime(retryAt: retryAt) { output.add(fact: .withheld(request)) }
        self.refuseQueued(lot, .recovering, into: &output)
        self.lowerFlag(lot, into: &output)
    }

    /// Sends steps without a sale, so that a Redis that lost a lot is noticed, and so that Redis knows the ledger's
    /// newest head. Redis can vouch only for what it knows.
    mutating func probe(into output: inout UnitOutput) {
        for lot in self.lots.keys {
            let state = self.lots[known: lot]
            guard state.isLocal, state.redis.isIdle else { continue }
            if state.redis.isSilent(at: self.steady) || self.toldRedis != self.head {
                self.step(lot, [], into: &output)
            }
        }
    }

    /// Tells Redis the sum of what was decided for a lot since its last step.
    mutating func step(_ lot: LotID, _ admitted: [Admission], into output: inout UnitOutput) {
        self.toldRedis = self.head
        output.add(
            self.lots[known: lot].redis.beginStep(
                of: lot, available: self.book[lot].available, witness: self.head, admitted: admitted))
    }
}
