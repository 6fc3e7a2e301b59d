// Entries into the line of a lot.

extension GateMachine {
    /// An entry that the gates' Redis must confirm.
    package struct EntryPlan: Hashable, Sendable {
        package let lot: LotID
        package let buyer: BuyerID
        /// The rank, if this is the buyer's first entry.
        package let rank: EntryRank
        package let question: GateQuestion
    }

    package struct Entry: Hashable, Sendable {
        package let rank: EntryRank
        /// `false`: the buyer entered before, and keeps that rank.
        package let isNew: Bool
        /// About how many are before this buyer; `nil` before the center has told anything.
        package let ahead: Int?
    }

    /// Judges an entry by what the gate knows.
    ///
    /// - Parameters:
    ///   - keys: Of the buyer and of the address (``NetworkAddress/limited``), by a hash with a secret key.
    ///   - drawNumber: The buyer's draw in this lot; 0 if the lot is not drawn.
    ///   - draw: Random bits.
    package mutating func judgeEntry(
        _ caller: Caller, _ lotID: LotID, keys: (buyer: UInt64, address: UInt64), drawNumber: UInt64, now: Instant,
        steady: Instant, draw: UInt64
    ) -> Result<EntryPlan, GateRefusal>? {
        guard let lot = self.lots[lotID] else { return nil }
        if let refusal = self.judge(caller, lot, .entry, keys: keys, now: now, steady: steady, draw: draw) {
            return .failure(refusal)
        }
        switch lot.phase(at: now) {
        case .paused: return .failure(.paused)
        case .ended: return .failure(.ended)
        case .waiting, .open: break
        }
        return EntryLine.rank(lot.policy, arrivedAt: now, opensAt: lot.opensAt, draw: drawNumber).map { rank in
            EntryPlan(
                lot: lotID, buyer: caller.claims.buyer, rank: rank,
                question: GateQuestion(
                    limits: Self.limits(caller, lot),
                    marks: [
                        .init(
                            key: .entry(lotID, caller.claims.buyer), value: rank.text,
                            lifeMilliseconds: Self.entryLifeMilliseconds)
                    ]))
        }
    }

    /// Makes the entry, or gives the one that the buyer has.
    ///
    /// Without the gates' Redis an entry gets the rank of the present moment: the buyer loses time against a ticket that
    /// is not in hand, and nobody else loses anything.
    package mutating func enter(_ plan: EntryPlan, _ reply: GateReply) -> Result<Entry, GateRefusal> {
        guard reply.waitMilliseconds == 0 else {
            return .failure(.rateLimited(retryAfterMilliseconds: reply.waitMilliseconds))
        }
        let earlier = reply.mark(0).flatMap { EntryRank(text: $0) }
        if earlier == nil { self.countEntry(plan.rank, in: plan.lot) }
        let rank = earlier ?? plan.rank
        let ahead = self.lots[plan.lot]?.line.map { line in
            (self.entries[plan.lot] ?? ArrivalCounts()).ahead(of: rank, admitted: line.admitted)
        }
        return .success(Entry(rank: rank, isNew: earlier == nil, ahead: ahead))
    }

    /// Whether a session may have another challenge. Only the gate's own limits count: a challenge is worth nothing yet.
    ///
    /// - Parameter request: What the request is worth under load: a form that orders, or looks at an order, is worth more.
    /// - Returns: `nil` for a lot that is not known; otherwise the refusal, or `nil` in it.
    package mutating func judgeChallenge(
        _ caller: Caller, _ lotID: LotID, keys: (buyer: UInt64, address: UInt64), now: Instant, steady: Instant,
        draw: UInt64, as request: GateRequestClass = .entry
    ) -> GateRefusal?? {
        guard let lot = self.lots[lotID] else { return nil }
        if let refusal = self.judge(caller, lot, request, keys: keys, now: now, steady: steady, draw: draw) {
            return .some(refusal)
        }
        return lot.phase(at: now) == .ended ? .some(.ended) : .some(nil)
    }

    /// Whether a captcha provider may be asked about a session's answer: each call costs the shop money.
    package mutating func judgeProviderAnswer(
        _ caller: Caller, _ lotID: LotID, keys: (buyer: UInt64, address: UInt64), now: Instant, steady: Instant,
        draw: UInt64
    ) -> GateRefusal?? {
        guard let refusal = self.judgeChallenge(caller, lotID, keys: keys, now: now, steady: steady, draw: draw) else {
            return nil
        }
        if refusal != nil { return .some(refusal) }
        guard case .refused(let wait) = self.admit(keys.buyer &+ Self.callsRow, Self.answerRate, steady: steady) else {
            return .some(nil)
        }
        return .some(.rateLimited(retryAfterMilliseconds: wait))
    }
}
