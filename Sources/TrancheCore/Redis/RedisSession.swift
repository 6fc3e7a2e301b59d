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
        if case .stepping(let step) = self.phase, !step.admitted.isEmpty { return true }
        return !self.unwitnessed.isEmpty
    }

    /// Whether the order is in the ledger without Redis' confirmation.
    func isUnconfirmed(_ order: OrderID) -> Bool {
        if case .stepping(let step) = self.phase, step.admitted.contains(where: { $0.order.id == order }) {
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
        of lot: LotID, owner: UInt64, available: Int, witness: LedgerHead, admitted: [Admission] = []
    ) -> RedisStep {
        precondition(self.isIdle, "no step in Redis may start in phase \(self.phase)")
        let step = RedisStep(
            lot: lot, owner: owner, fence: self.fence, sequence: self.sequence, before: self.available,
            after: available,
            witness: witness, admitted: admitted)
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

    /// - Returns: The requests whose step was under way: their orders are in the ledger, but Redis did not confirm them.
    mutating func unprime(retryAt: Instant) -> [BuyRequest] {
        defer { self.phase = .unprimed(retryAt: retryAt) }
        guard case .stepping(let step) = self.phase else { return [] }
        self.unwitnessed += step.admitted.map(\.order.id)
        return step.admitted.map(\.request)
    }
}

/// One atomic step of a lot in Redis: a batch that the unit has decided, beside the batch's commit.
///
/// Redis decides nothing. It checks that this process still has the unit (the owner), that the step is not late (the fence),
/// that no step was lost (the sequence), and that its own count of the stock agrees and stays at or above zero.
package struct RedisStep: Sendable {
    package let lot: LotID
    /// The session of the process.
    package let owner: UInt64
    /// Raised for each priming: a step of an older fence changes nothing, whenever it arrives.
    package let fence: UInt64
    /// The last sequence that a reply confirmed; Redis must be exactly there.
    package let sequence: UInt64
    /// Available items in Redis before the step.
    package let before: Int
    /// Available items after it.
    package let after: Int
    /// The ledger's durable head. Redis keeps it, as a second witness of the ledger.
    package let witness: LedgerHead
    /// The admitted requests. Redis keeps them until the next step, whose witness covers them: a process that starts on
    /// a ledger without them takes them over, because they may have been answered.
    package let admitted: [Admission]

    package init(
        lot: LotID, owner: UInt64, fence: UInt64, sequence: UInt64, before: Int, after: Int,
        witness: LedgerHead = .empty, admitted: [Admission] = []
    ) {
        self.owner = owner
        self.admitted = admitted
        self.lot = lot
        self.fence = fence
        self.sequence = sequence
        self.before = before
        self.after = after
        self.witness = witness
    }
}

/// What Redis answered to a ``RedisStep`` or a ``RedisPrime``.
package enum RedisResult: Hashable, Sendable {
    /// The step is done.
    case stepped
    /// The lot is in this process of Redis.
    case primed(RedisRun)
    /// The lot's state was lost, set back, or differs: prime it again from the ledger.
    case lost
    /// A newer fence is in force: another process has this Redis.
    case superseded
    /// No answer: it is unknown whether the step was done. Prime it again from the ledger.
    case unreachable
}

/// A request that the unit has admitted, with its order, which goes to the ledger.
package struct Admission: Sendable {
    package let request: BuyRequest
    package let order: Order
    package init(request: BuyRequest, order: Order) { (self.request, self.order) = (request, order) }
}
