// Tokens: the only product of a gate.

extension GateMachine {
    /// A solution whose challenge is genuine: signature, session, lot and end were checked.
    package struct Solution: Hashable, Sendable {
        package let kind: ChallengeKind
        /// Each level is harder; only work has levels that count.
        package let level: Int
        package let nonce: String
        package let madeAt: Instant
        /// An answer before this moment is too early, and costs nothing.
        package let readyAt: Instant
        package let expiresAt: Instant
        /// A wrong answer spends its challenge as well: otherwise a program would try all of them.
        package let isRight: Bool
        package init(
            kind: ChallengeKind = .work, level: Int = 0, nonce: String, madeAt: Instant, readyAt: Instant? = nil,
            expiresAt: Instant, isRight: Bool = true
        ) {
            (self.kind, self.level, self.nonce, self.isRight) = (kind, level, nonce, isRight)
            (self.madeAt, self.readyAt, self.expiresAt) = (madeAt, readyAt ?? madeAt, expiresAt)
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

    /// What the token must say, and what the gates' Redis must learn.
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
        let solution = lot.wantsChallenge ? solution : nil
        if let refusal = self.refusal(of: solution, lot, key: keys.buyer, now: now, steady: steady) {
            return .failure(refusal)
        }
        var limits = Self.limits(caller, lot)
        if solution?.kind == .question { limits.append(.init(key: .answers(buyer), rate: Self.answerRate)) }
        if let rate = lot.lotRate { limits.append(.init(key: .lot(lotID), rate: rate)) }
        var marks = [
            GateQuestion.Mark(
                key: .issued(lotID, buyer), value: String(now.microseconds),
                lifeMilliseconds: Self.attemptLifeMilliseconds)
        ]
        if let solution {
            let counts = solution.isRight && !Self.isFast(solution, lot, at: now)
            marks.append(
                .init(
                    key: .spent(nonce: solution.nonce), value: counts ? buyer.rawValue : Self.spoiled,
                    lifeMilliseconds: max(1_000, solution.expiresAt.milliseconds(since: now))))
        }
        return .success(
            TokenPlan(
                lot: lotID, buyer: buyer, region: caller.claims.region, solution: solution, askedAt: now,
                question: GateQuestion(
                    limits: limits, counters: [.fastAnswers(buyer), .endedAttempts(lotID, buyer)],
                    marks: marks)))
    }

    /// Answers of one buyer to questions: a program that guesses needs hundreds.
    package static let answerRate: RateLimit = {
        guard let rate = RateLimit(perMinute: 10, burst: 5) else { preconditionFailure(RateLimit.rule) }
        return rate
    }()
    /// Other rows of the table of limits than that of the buyer's requests.
    static let (answersRow, callsRow): (UInt64, UInt64) = (0x9E37_79B9_7F4A_7C15, 0x7F4A_7C15_9E37_79B9)
    static let sessionsRow: UInt64 = 0x5851_F42D_4C95_7F2D
    /// The mark of a challenge whose answer was wrong or too fast. No buyer has such a name.
    private static let spoiled = "\n"

    private static func isFast(_ solution: Solution, _ lot: GateLot, at now: Instant) -> Bool {
        now < solution.madeAt.advanced(milliseconds: lot.minimumAnswerMilliseconds)
    }

    /// What is wrong with a solution before the gates' Redis is asked.
    private mutating func refusal(
        of solution: Solution?, _ lot: GateLot, key: UInt64, now: Instant, steady: Instant
    ) -> GateRefusal? {
        guard lot.wantsChallenge else { return nil }
        guard let solution, lot.kinds.contains(solution.kind) else { return .challengeRequired }
        guard now >= solution.readyAt else {
            let wait = solution.readyAt.microseconds - now.microseconds
            return .tooEarly(retryAfterMilliseconds: Int((wait + 999) / 1_000))
        }
        guard solution.kind == .question else { return nil }
        guard case .refused(let wait) = self.admit(key &+ Self.answersRow, Self.answerRate, steady: steady) else {
            return nil
        }
        return .rateLimited(retryAfterMilliseconds: wait)
    }

    private func turnRefusal(_ rank: EntryRank?, _ lot: GateLot, draw: UInt64) -> GateRefusal? {
        guard lot.policy.needsEntry else { return nil }
        guard let rank else { return .badTicket("the entry ticket is missing: enter the line of lot \(lot.id) first") }
        guard !lot.threshold.admits(rank) else { return nil }
        return .notAdmitted(retryAfterMilliseconds: self.pause(rank, in: lot, draw: draw))
    }

    /// Grants the token, unless the gates' Redis knows a reason against it.
    ///
    /// A solution that was spent by the same buyer is good: the buyer asks twice, and gets the same token. One that
    /// did not count the first time never counts.
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
        if let solution = plan.solution, !solution.isRight || reply.mark(1) != plan.buyer.rawValue {
            guard reply.mark(1) == nil else { return .failure(.challengeSpent) }
            var timing = AnswerTiming(level: fast)
            switch timing.judge(
                madeAt: solution.madeAt, answeredAt: plan.askedAt,
                minimumMilliseconds: lot.minimumAnswerMilliseconds)
            {
            case .person where !solution.isRight: return .failure(.challengeFailed)
            // Whoever answered too fast has to do the harder work that came with that refusal.
            case .person where solution.kind == .work && solution.level < fast:
                return .failure(.tooEasy(level: fast))
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
