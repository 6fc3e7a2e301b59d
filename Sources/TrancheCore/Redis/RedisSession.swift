/// What a unit knows of one lot in its Redis. At most one step is under way.
struct RedisSession: Sendable {
    enum Phase: Sendable {
        /// Not in Redis; the lot is primed at this moment. Can transition to: `priming`.
        case unprimed(retryAt: Instant)
        /// With this head of the ledger. Can transition to: `idle`, `unprimed`.
        case priming(witness: LedgerHead)
        /// Can transition to: `stepping`, `unprimed`.
        case idle
        /// The admitted requests are answered when the step is confirmed. Can transition to: `idle`, `unprimed`.
        case stepping(RedisStep)
    }

    private(set) var phase = Phase.unprimed(retryAt: .distantPast)
    /// Raised with each priming: Redis refuses a step with an older one.
    private(set) var fence: UInt64
    /// The last sequence that a reply confirmed.
    private var sequence: UInt64 = 0
    /// Available items in Redis, by the last priming or step.
    private var available = 0
    /// Orders in the ledger whose step failed, oldest first. Buyers learn of them after the next priming. They are
    /// at most one batch, because an unprimed lot sells nothing.
    private(set) var unwitnessed: [OrderID] = []
    /// When Redis last answered. A lot without requests is probed, so that a Redis that lost it is noticed.
    private var answeredAt = Instant.distantPast
    /// When Redis last reported that it does not have the lot.
    private var lostAt = Instant.distantPast

    init(fence: UInt64) { self.fence = fence }

    var isOpen: Bool {
        switch self.phase {
        case .idle, .stepping: true
        case .unprimed, .priming: false
        }
    }
    var isIdle: Bool { if case .idle = self.phase { true } else { false } }
    var isUnprimed: Bool { if case .unprimed = self.phase { true } else { false } }

    /// Whether any order is in the ledger without Redis' confirmation.
    var hasUnconfirmed: Bool {
        if case .stepping(let step) = self.phase, !(step.admitted.isEmpty && step.revivals.isEmpty) { return true }
        return !self.unwitnessed.isEmpty
    }

    /// Whether the order is in the ledger without Redis' confirmation.
    func isUnconfirmed(_ order: OrderID) -> Bool {
        if case .stepping(let step) = self.phase,
            step.admitted.contains(where: { $0.order.id == order })
                || step.revivals.contains(where: { $0.order == order })
        {
            return true
        }
        return self.unwitnessed.contains(order)
    }

    func isDue(at now: Instant) -> Bool { if case .unprimed(let at) = self.phase { at <= now } else { false } }

    func isSilent(at now: Instant) -> Bool {
        now.milliseconds(since: self.answeredAt) >= UnitMachine.Settings.probeMilliseconds
    }

    mutating func raise(fence: UInt64) { self.fence = max(self.fence, fence) }

    /// - Parameter available: By the ledger.
    mutating func beginPriming(available: Int, witness: LedgerHead) {
        precondition(self.isUnprimed, "a lot can be primed only while it is unprimed")
        self.fence += 1
        (self.sequence, self.available) = (0, available)
        self.phase = .priming(witness: witness)
    }

    /// - Returns: The orders that buyers may learn of now, and the ledger's head that Redis has; `nil` if the answer was not
    ///   expected.
    mutating func primed(at now: Instant) -> (orders: [OrderID], witness: LedgerHead)? {
        guard case .priming(let witness) = self.phase else { return nil }
        self.phase = .idle
        self.answeredAt = now
        defer { self.unwitnessed = [] }
        return (self.unwitnessed, witness)
    }

    mutating func beginStep(
        of lot: LotID, owner: UInt64, available: Int, witness: LedgerHead, admitted: [Admission] = [],
        referrals: [Referral] = [], revivals: [Revival] = []
    ) -> RedisStep {
        precondition(self.isIdle, "no step in Redis may start in phase \(self.phase)")
        let step = RedisStep(
            lot: lot, owner: owner, fence: self.fence, sequence: self.sequence, before: self.available,
            after: available,
            witness: witness, admitted: admitted, referrals: referrals, revivals: revivals)
        self.phase = .stepping(step)
        return step
    }

    /// - Returns: The step, whose admitted requests may be answered now, or `nil` if the answer was not expected.
    mutating func stepped(at now: Instant) -> RedisStep? {
        guard case .stepping(let step) = self.phase else { return nil }
        self.phase = .idle
        self.answeredAt = now
        self.sequence = step.sequence + 1
        self.available = step.after
        return step
    }

    /// When the lot may be primed again: at once after one loss, after a pause if Redis loses the lot again soon.
    /// Without the pause the unit would fill such a Redis without end.
    mutating func retryAfterLoss(now: Instant, pauseMilliseconds pause: Int64) -> Instant {
        let isAgain = now.milliseconds(since: self.lostAt) < pause
        self.lostAt = now
        return isAgain ? now.advanced(milliseconds: pause) : now
    }

    /// - Returns: The step that was under way: the orders of its admitted requests are in the ledger, but Redis did not
    ///   confirm them.
    mutating func unprime(retryAt: Instant) -> RedisStep? {
        defer { self.phase = .unprimed(retryAt: retryAt) }
        guard case .stepping(let step) = self.phase else { return nil }
        self.unwitnessed += step.admitted.map(\.order.id) + step.revivals.map(\.order)
        return step
    }
}
