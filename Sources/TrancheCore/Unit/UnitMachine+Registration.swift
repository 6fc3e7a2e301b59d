// How a unit comes to sell: registration with the center, its generation, its configuration.

extension UnitMachine {
    mutating func register(_ answer: ChallengeAnswer?, into output: inout UnitOutput) {
        self.registerUnderway = true
        if answer == nil { self.answeredChallenge = nil }
        output.add(
            .register(
                RegisterRequest(
                    unit: self.unit, ledger: self.ledger, incarnation: self.book.incarnation,
                    generation: self.book.generation, head: self.head, session: self.session,
                    hasGrants: self.book.hasGrants, answer: answer)))
    }

    mutating func registered(_ reply: RegisterReply, now: Instant, into output: inout UnitOutput) {
        self.registerUnderway = false
        self.failures = 0
        switch reply {
        case .accepted(let directives):
            guard directives.epoch >= self.epoch else { return self.registrationFailed(now: now, into: &output) }
            guard !self.redisContradicts else {
                return self.stop(
                    "Redis has seen a newer state of this ledger than the ledger itself has", into: &output)
            }
            self.vouched(now: now, directives, into: &output)
        case .proofRequired(let position, let challenge, let earlier):
            guard self.registration != .registered else { return }  // A late answer to an earlier attempt.
            // One answer per question and attempt. Otherwise each repeated question would cause a repeated answer, and
            // each of these a new question.
            guard challenge != self.answeredChallenge else { return }
            self.answeredChallenge = challenge
            self.registerUnderway = true
            guard !self.redisContradicts else {
                // The center may not know that the ledger was set back. Without a proof it strands what this ledger
                // holds, and a new generation begins.
                self.disbelieve(
                    "Redis has seen a newer state of this ledger: it was set back, or is a copy; its quota is given up",
                    into: &output)
                return self.register(.withoutProof(challenge), into: &output)
            }
            output.add(.prove(position: position, challenge: challenge, earlier: earlier))
        case .newGeneration(let directives):
            guard directives.epoch >= self.epoch else { return self.registrationFailed(now: now, into: &output) }
            guard directives.generation.rawValue <= Limits.generation else {
                self.disbelieve("generation \(directives.generation.rawValue) is beyond the limit", into: &output)
                return self.retryRegistration()
            }
            if directives.generation > self.book.generation {
                self.begin(directives.generation, now: now, into: &output)
            }
            self.vouched(now: now, directives, into: &output)
        case .superseded:
            return self.stopSuperseded("another process or ledger has taken this unit over", into: &output)
        case .occupied:
            // The center is reachable and reports another living process. Redis must not overrule that.
            self.disbelieve(
                "another process of unit \(self.unit) reports to the center: this one waits until it has gone",
                into: &output)
            return self.retryRegistration()
        case .centerIsBehind:
            self.disbelieve(
                "the center's log does not know what it has granted to this unit: it was lost or set back; restore it",
                into: &output)
            self.failures = Settings.failuresBeforeRedisVouches
            return self.registrationFailed(now: now, into: &output)
        }
        self.primeLots(into: &output)
    }

    private mutating func vouched(now: Instant, _ directives: QuotaDirectives, into output: inout UnitOutput) {
        self.registration = .registered
        self.reported = []
        self.witness = nil
        self.redisMayVouch = true
        self.follow(directives, now: now, into: &output)
    }

    private mutating func retryRegistration() {
        self.registerUnderway = false
        self.registerAt = self.steady.advanced(milliseconds: self.settings.retryMilliseconds)
    }

    mutating func registrationFailed(now: Instant, into output: inout UnitOutput) {
        self.retryRegistration()
        self.failures += 1
        guard self.registration == .unvouched, self.failures >= Settings.failuresBeforeRedisVouches, self.redisVouches
        else { return }
        self.registration = .vouchedByRedis
        self.primeLots(into: &output)
    }

    /// The center does not know this process, or has settled its generation. The unit sells nothing until the center
    /// accepts it again.
    mutating func registrationLost(into output: inout UnitOutput) {
        self.registerAt = self.steady
        guard self.mayIssue else { return }
        self.registration = .unvouched
        self.redisMayVouch = false
        for lot in self.lots.keys { self.unprime(lot, retryAt: self.steady, into: &output) }
    }

    private mutating func begin(_ generation: Generation, now: Instant, into output: inout UnitOutput) {
        // The log has no places for the new generation. Buyers who waited in the old one get an answer now.
        for lot in self.book.contests.keys.sorted() {
            for candidate in self.book.candidates(lot) {
                guard let order = self.book.orders[candidate.order], order.state == .contested else { continue }
                self.lose(order, as: .lost, now: now, into: &output)
            }
            self.lots[lot]?.rejoin()
        }
        self.append(.generation(generation), into: &output)
        for lot in self.lots.keys {
            self.unprime(lot, retryAt: self.steady, into: &output)
            self.lots[known: lot].paid = 0
            self.lots[known: lot].returns.restart()
        }
    }

    mutating func configure(_ rules: [LotRules], now: Instant, into output: inout UnitOutput) {
        for rule in rules {
            if self.lots[rule.lot] == nil { self.lots[rule.lot] = self.newLot(rule.lot) }
            self.lots[known: rule.lot].rules = rule
            if let reason = rule.closedReason(now: now, uncertaintyMicroseconds: 0), rule.phase != .open {
                self.refuseQueued(rule.lot, reason, into: &output)
            }
        }
        self.primeLots(into: &output)
    }

    mutating func stopSuperseded(_ reason: String, into output: inout UnitOutput) {
        self.isSuperseded = true
        self.stop(reason, into: &output)
    }

    mutating func stop(_ reason: String, into output: inout UnitOutput) {
        self.registration = .stopped
        for lot in self.lots.keys { self.unprime(lot, retryAt: .distantFuture, into: &output) }
        output.add(.stop(reason: reason))
    }

    /// Nothing is done any more. Those who wait are told so.
    func refuseStopped(_ event: Event, into output: inout UnitOutput) {
        switch event {
        case .requests(let requests):
            for request in requests { output.addAnswer(to: request, .refused(.recovering)) }
        case .payment(_, let ticket), .cancel(_, let ticket), .archivedPayment(_, _, let ticket),
            .archivedCancel(_, let ticket):
            output.add(.answerTicket(ticket, .refused(.recovering)))
        default: break
        }
    }
}
