// How a unit comes to sell: survey, registration, priming, configuration.

extension UnitMachine {
    mutating func surveyed(_ survey: RedisSurvey?, now: Instant, into actions: inout [Action]) {
        guard self.standing == .surveying else { return }
        self.survey = survey
        if let survey {
            self.fenceFloor = survey.newestFence
            for lot in self.lanes.keys {
                self.lanes[known: lot].fence = max(self.lanes[known: lot].fence, survey.newestFence)
            }
            if survey.ledger == self.ledger { self.adopt(survey.admitted, now: now, into: &actions) }
            actions.append(.recovered(nil))
        } else {
            // What Redis admitted of the other lots is open until they are primed, which wipes it out.
            for lot in self.lanes.keys where self.isContended(lot) { actions.append(.recovered(lot)) }
        }
        self.standing = .unvouched
        self.register(nil, into: &actions)
    }

    /// Makes reservations of what Redis admitted and the ledger lost, or never got.
    ///
    /// Redis is written first, so it is never behind what buyers were told. An order that nobody was told of expires.
    private mutating func adopt(_ requests: [BuyRequest], now: Instant, into actions: inout [Action]) {
        for request in requests
        where self.book.orders.state(of: request.order) == nil && self.book.refused[request.order] == nil {
            let held = self.book.held(by: request.buyer, lot: request.lot)
            guard self.book.contests[request.lot] == nil, self.book[request.lot].available >= Int(request.quantity)
            else { continue }
            let order = Order(
                id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
                buyerLimit: held + Int(request.quantity), generation: self.book.generation, stamp: request.stamp,
                deadline: now.advanced(
                    milliseconds: self.lanes[request.lot]?.rules?.paymentWindowMilliseconds ?? 60_000))
            self.reserve(order, into: &actions)
        }
    }

    mutating func register(_ answer: ChallengeAnswer?, into actions: inout [Action]) {
        self.registerUnderway = true
        if answer == nil { self.answeredChallenge = nil }
        actions.append(
            .register(
                RegisterRequest(
                    unit: self.unit, ledger: self.ledger, incarnation: self.book.incarnation,
                    generation: self.book.generation, head: self.head, session: self.session,
                    hasGrants: self.book.hasGrants, answer: answer)))
    }

    mutating func registered(_ reply: RegisterReply, now: Instant, into actions: inout [Action]) {
        self.registerUnderway = false
        self.failures = 0
        switch reply {
        case .accepted(let directives):
            guard directives.epoch >= self.epoch else { return self.registrationFailed(now: now, into: &actions) }
            self.vouched(now: now, directives, into: &actions)
        case .proofRequired(let position, let challenge, let earlier):
            guard self.standing != .registered else { return }  // A late answer to an earlier attempt.
            // One answer per question and attempt: repeated questions would have repeated answers, and those new
            // questions.
            guard challenge != self.answeredChallenge else { return }
            self.answeredChallenge = challenge
            self.registerUnderway = true
            actions.append(.prove(position: position, challenge: challenge, earlier: earlier))
        case .newGeneration(let directives):
            guard directives.epoch >= self.epoch else { return self.registrationFailed(now: now, into: &actions) }
            guard directives.generation.rawValue <= Limits.generation else {
                self.disbelieve("generation \(directives.generation.rawValue) is beyond the limit", into: &actions)
                return self.retryRegistration()
            }
            if directives.generation > self.book.generation {
                self.begin(directives.generation, now: now, into: &actions)
            }
            self.vouched(now: now, directives, into: &actions)
        case .superseded:
            return self.stop("another process or ledger has taken this unit over", into: &actions)
        case .occupied:
            // The center is there, and says that somebody else lives: Redis has no word in that.
            self.disbelieve(
                "another process of unit \(self.unit) reports to the center: this one waits until it has gone",
                into: &actions)
            return self.retryRegistration()
        case .centerIsBehind:
            self.disbelieve(
                "the center's log does not know what it has granted to this unit: it was lost or set back; restore it",
                into: &actions)
            self.failures = Settings.failuresBeforeRedisVouches
            return self.registrationFailed(now: now, into: &actions)
        }
        self.primeLots(now: now, into: &actions)
    }

    private mutating func vouched(now: Instant, _ directives: QuotaDirectives, into actions: inout [Action]) {
        self.standing = .registered
        self.reported = []
        self.witness = nil
        self.redisMayVouch = true
        self.follow(directives, now: now, into: &actions)
    }

    private mutating func retryRegistration() {
        self.registerUnderway = false
        self.registerAt = self.steady.advanced(milliseconds: self.settings.retryMilliseconds)
    }

    mutating func registrationFailed(now: Instant, into actions: inout [Action]) {
        self.retryRegistration()
        self.failures += 1
        guard self.standing == .unvouched, self.failures >= Settings.failuresBeforeRedisVouches, self.redisVouches
        else { return }
        self.standing = .vouchedByRedis
        self.primeLots(now: now, into: &actions)
    }

    /// The center does not know this process, or has settled its generation: nothing is sold until it is known again.
    mutating func registrationLost(now: Instant, into actions: inout [Action]) {
        self.registerAt = self.steady
        guard self.mayIssue else { return }
        self.standing = .unvouched
        self.redisMayVouch = false
        for lot in self.lanes.keys { self.unprime(lot, retryAt: self.steady, into: &actions) }
    }

    /// Redis saw this very ledger, the ledger still holds all that Redis knew to be in it, and it is the very process
    /// of Redis that the ledger knows: one that came back from a file came back with its whole machine, perhaps.
    private var redisVouches: Bool {
        guard self.redisMayVouch, let survey = self.survey, survey.ledger == self.ledger, let witness = survey.witness,
            survey.run == self.book.redis
        else { return false }
        return survey.proof == witness
    }

    private mutating func begin(_ generation: Generation, now: Instant, into actions: inout [Action]) {
        // The log holds no place for the new ledger: buyers who waited in the old one get an answer at least.
        for lot in self.book.contests.keys.sorted() {
            for candidate in self.book.candidates(lot) {
                guard let order = self.book.orders[candidate.order], order.state == .contested else { continue }
                self.lose(order, as: .lost, now: now, into: &actions)
            }
            self.lanes[lot]?.contest = ContestQueue(phase: .asking, allowance: 0)
        }
        self.append(.generation(generation), into: &actions)
        for lot in self.lanes.keys {
            self.unprime(lot, retryAt: self.steady, into: &actions)
            self.lanes[lot]?.paid = 0
            self.lanes[lot]?.hint = nil
        }
    }

    mutating func configure(_ rules: [LotRules], now: Instant, into actions: inout [Action]) {
        for rule in rules {
            if self.lanes[rule.lot] == nil { self.lanes[rule.lot] = self.newLane(rule.lot) }
            self.lanes[known: rule.lot].rules = rule
            if let reason = rule.closedReason(now: now, uncertaintyMicroseconds: 0), rule.phase != .open {
                self.refuseAll(rule.lot, reason, into: &actions)
            }
        }
        self.primeLots(now: now, into: &actions)
    }

    /// Rebuilds Redis for every lot that needs it and whose time to retry has come.
    mutating func primeLots(now: Instant, into actions: inout [Action]) {
        guard self.mayIssue else { return }
        for lot in self.lanes.keys {
            guard case .unprimed(let retryAt) = self.lanes[known: lot].phase, retryAt <= self.steady,
                self.lanes[known: lot].contest == nil
            else { continue }
            self.prime(lot, into: &actions)
        }
    }

    private mutating func prime(_ lot: LotID, into actions: inout [Action]) {
        self.lanes[known: lot].fence += 1
        self.lanes[known: lot].sequence = 0
        self.lanes[known: lot].appended = 0
        self.lanes[known: lot].durable = 0
        self.lanes[known: lot].phase = .priming
        // The ledger's truth holds every grant, return and release already.
        self.lanes[known: lot].credit = 0
        self.lanes[known: lot].releases = []
        actions.append(
            .prime(
                LotPrime(
                    lot: lot, fence: self.lanes[known: lot].fence, available: self.book[lot].available,
                    holdings: self.holdings(of: lot), ledger: self.ledger, witness: self.head)))
    }

    /// Who holds what of a lot, in the order in which they came.
    private func holdings(of lot: LotID) -> [LotPrime.Holding] {
        var holdings: [LotPrime.Holding] = []
        var several: [BuyerID: Int] = [:]  // Buyers with more than one order that counts, or another one.
        self.book.forEachHolder(of: lot) { order, quantity in
            if order.state.isLive, Int(order.quantity) == quantity {
                holdings.append(LotPrime.Holding(buyer: order.buyer, quantity: quantity, order: order.id))
            } else {
                several[order.buyer] = -1
            }
        }
        guard !several.isEmpty else { return holdings }
        for order in self.book.orders where order.lot == lot && order.state.isLive {
            guard let place = several[order.buyer] else { continue }
            if place >= 0 {
                holdings[place].add(order.id, quantity: Int(order.quantity))
            } else {
                several[order.buyer] = holdings.count
                holdings.append(LotPrime.Holding(buyer: order.buyer, quantity: Int(order.quantity), order: order.id))
            }
        }
        return holdings
    }

    /// Takes a lot out of service until it has been primed again.
    mutating func unprime(_ lot: LotID, retryAt: Instant, into actions: inout [Action]) {
        self.refuseAll(lot, .recovering, into: &actions)
        self.lanes[known: lot].callUnderway = nil
        self.lanes[known: lot].phase = .unprimed(retryAt: retryAt)
        self.lower(lot, into: &actions)
    }

    mutating func refuseAll(_ lot: LotID, _ reason: Refusal, into actions: inout [Action]) {
        guard var lane = self.lanes[lot] else { return }
        // A call that is under way is answered by its result, unless the lot goes out of service.
        let lost = reason == .recovering ? lane.callUnderway?.requests ?? [] : []
        for request in lost + lane.starved.map(\.request) + lane.waiting {
            actions.append(.reply(request, .refused(reason)))
        }
        lane.starved = []
        lane.waiting = []
        self.lanes[lot] = lane
    }

    /// Lowers the sold-out flag: requests of the lot go to admission again.
    mutating func lower(_ lot: LotID, into actions: inout [Action]) {
        guard self.lanes[known: lot].isFlaggedSoldOut else { return }
        self.lanes[known: lot].isFlaggedSoldOut = false
        actions.append(.setSoldOut(lot, false))
    }
}
