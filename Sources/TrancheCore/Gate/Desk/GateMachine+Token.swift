// Tokens: the only product of a gate.

extension GateMachine {
    /// A solution whose signature and work were checked.
    package struct Solution: Hashable, Sendable {
        package let nonce: String
        package let madeAt: Instant
        package let expiresAt: Instant
        package init(nonce: String, madeAt: Instant, expiresAt: Instant) {
            (self.nonce, self.madeAt, self.expiresAt) = (nonce, madeAt, expiresAt)
        }
    }

    package struct TokenPlan: Hashable, Sendable {
        package let lot: LotID
        package let buyer: BuyerID
        package let region: String?
        package let solution: Solution?
        package let askedAt: Instant
        package let question: GateQuestion
    }

    /// What the token must say, and what the shared memory must learn.
    package struct Grant: Hashable, Sendable {
        package let lot: LotID
        package let buyer: BuyerID
        /// Where the buyer's home is.
        package let region: String?
        /// Part of the order id: the same attempt has the same order.
        package let attempt: UInt32
        package let lifeMilliseconds: Int64
        /// When the attempt's token was first made. A unit that has lost its memory of refusals refuses every token from
        /// before that moment, so a token that is made again must not look newer: one order id has one outcome.
        package let issuedAt: Instant
        /// The answer came at a person's pace: earlier fast ones are forgotten.
        package let clearsFastAnswers: Bool
    }

    /// Judges a request for a token by what the gate knows.
    ///
    /// - Parameters:
    ///   - rank: Of the entry ticket; `nil` without one.
    ///   - solution: `nil` without one.
    package mutating func judgeToken(
        _ caller: Caller, _ lotID: LotID, rank: EntryRank?, solution: Solution?,
        keys: (buyer: UInt64, address: UInt64), now: Instant, steady: Instant, draw: UInt64
    ) -> Result<TokenPlan, GateRefusal>? {
        guard let lot = self.lots[lotID] else { return nil }
        let buyer = caller.claims.buyer
        if let refusal = self.judge(caller, lot, .token, keys: keys, now: now, steady: steady, draw: draw)
            ?? lot.refusal(at: now) ?? self.turnRefusal(rank, lot, draw: draw)
        {
            return .failure(refusal)
        }
        if lot.wantsChallenge, solution == nil { return .failure(.challengeRequired) }
        var limits = Self.limits(caller, lot)
        if let rate = lot.lotRate { limits.append(.init(key: .lot(lotID), rate: rate)) }
        var marks = [
            GateQuestion.Mark(
                key: .issued(lotID, buyer), value: String(now.microseconds),
                lifeMilliseconds: Self.attemptLifeMilliseconds)
        ]
        if lot.wantsChallenge, let solution {
            marks.append(
                .init(
                    key: .spent(nonce: solution.nonce), value: buyer.rawValue,
                    lifeMilliseconds: max(1_000, solution.expiresAt.milliseconds(since: now))))
        }
        return .success(
            TokenPlan(
                lot: lotID, buyer: buyer, region: caller.claims.region, solution: lot.wantsChallenge ? solution : nil,
                askedAt: now,
                question: GateQuestion(
                    limits: limits, counters: [.fastAnswers(buyer), .endedAttempts(lotID, buyer)],
                    marks: marks)))
    }

    private func turnRefusal(_ rank: EntryRank?, _ lot: GateLot, draw: UInt64) -> GateRefusal? {
        guard lot.policy.needsEntry else { return nil }
        guard let rank else { return .badTicket("the entry ticket is missing: enter the line of lot \(lot.id) first") }
        guard !lot.threshold.admits(rank) else { return nil }
        return .notAdmitted(retryAfterMilliseconds: self.pause(rank, in: lot, draw: draw))
    }

    /// Grants the token, unless the shared memory knows a reason against it.
    ///
    /// A solution that was spent by the same buyer is good: the buyer asks twice, and gets the same token.
    package mutating func grant(_ plan: TokenPlan, _ reply: GateReply) -> Result<Grant, GateRefusal> {
        guard reply.waitMilliseconds == 0 else {
            return .failure(.rateLimited(retryAfterMilliseconds: reply.waitMilliseconds))
        }
        guard let lot = self.lots[plan.lot] else { return .failure(.recovering(retryAfterMilliseconds: 1_000)) }
        let fast = reply.counter(0)
        guard fast < AnswerTiming.fastAnswerLimit else {
            return .failure(
                .blocked(until: plan.askedAt.advanced(milliseconds: AnswerTiming.blockMilliseconds)))
        }
        if let solution = plan.solution {
            guard reply.mark(1) ?? plan.buyer.rawValue == plan.buyer.rawValue else { return .failure(.challengeSpent) }
            // Also of an answer that this buyer sent before: it may have been refused because it came too fast.
            var timing = AnswerTiming(level: fast)
            switch timing.judge(
                madeAt: solution.madeAt, answeredAt: plan.askedAt,
                minimumMilliseconds: lot.minimumAnswerMilliseconds)
            {
            case .person: break
            case .suspicious(let level): return .failure(.tooFast(level: level))
            case .blocked(let until): return .failure(.blocked(until: until))
            }
        }
        let ended = UInt32(min(max(0, reply.counter(1)), Int(Limits.attempts)))
        guard let attempt = Attempts.next(after: ended == 0 ? .none : .ended(ended)) else {
            return .failure(.soldOut)
        }
        let issued = reply.mark(0).flatMap { Int64($0) }.map { Instant(microseconds: $0) }
        // The line counts buyers. A script that asks for its token a hundred times would otherwise look like a hundred
        // buyers who are about to buy, and the line would stop for them.
        if issued == nil { self.countToken(in: plan.lot) }
        return .success(
            Grant(
                lot: plan.lot, buyer: plan.buyer, region: plan.region, attempt: attempt.number,
                lifeMilliseconds: lot.tokenMilliseconds,
                issuedAt: issued ?? plan.askedAt,
                clearsFastAnswers: fast > 0))
    }
}
