/// What one lot does in one unit between its script calls. At most one call is under way.
struct LotLane: Sendable {
    enum Phase: Hashable, Sendable {
        /// Not in Redis; prime it at this moment.
        case unprimed(retryAt: Instant)
        case priming
        case open
    }

    let lot: LotID
    var rules: LotRules?
    /// Not nil from the moment when the lot was switched to the contest.
    var contest: ContestQueue?
    /// When Redis last answered. A lot that is left alone is probed, so that a Redis that lost it is noticed.
    var answeredAt = Instant.distantPast
    /// When Redis last said that it does not have the lot.
    var lostAt = Instant.distantPast
    var phase = Phase.unprimed(retryAt: .distantPast)
    var fence: UInt64
    var sequence: UInt64 = 0
    var callUnderway: LotCall?
    var waiting: [BuyRequest] = []
    /// Requests that found the lot empty while more may come, oldest first.
    var starved: [Starved] = []
    /// Orders that were counted as demand lately.
    var counted = OrderMarks()
    var credit = 0
    var releases: [Order] = []
    var hint: ReclaimHint?
    var hintDone: UInt64 = 0
    var offered = 0
    var paid = 0
    /// The newest sequence whose reservations were appended, and the newest whose reservations are durable.
    var appended: UInt64 = 0
    var durable: UInt64 = 0
    var elsewhere = 0
    var heardAt = Instant.distantPast
    var isFlaggedSoldOut = false
    /// The ledger knows that this incarnation refuses orders of the lot as sold out.
    var soldOutIsDurable = false

    init(lot: LotID, fence: UInt64) {
        self.lot = lot
        self.fence = fence
    }

    var hasWork: Bool {
        !self.waiting.isEmpty || self.credit > 0 || !self.releases.isEmpty || (self.hint?.number ?? 0) > self.hintDone
    }

    func isSilent(now: Instant) -> Bool {
        now.milliseconds(since: self.answeredAt) >= UnitMachine.Settings.probeMilliseconds
    }

    /// Whether stock may still come from elsewhere: the center said so, not long ago.
    func mayRestock(now: Instant) -> Bool {
        self.elsewhere > 0 && now.milliseconds(since: self.heardAt) <= UnitMachine.Settings.centerSilenceMilliseconds
    }

    /// Takes everything that waits into one call.
    mutating func takeCall(witness: LedgerHead) -> LotCall {
        let count = min(self.waiting.count, Limits.requestsPerCall)
        let pending = self.hint.flatMap { $0.number > self.hintDone ? $0 : nil }
        let call = LotCall(
            lot: self.lot, fence: self.fence, sequence: self.sequence, buyerLimit: self.rules?.buyerLimit ?? 1,
            releases: Array(self.releases.prefix(Limits.releasesPerCall)), credit: self.credit,
            reclaimKeep: pending?.keep,
            requests: Array(self.waiting.prefix(count)), witness: witness, committed: self.durable)
        self.waiting.removeFirst(count)
        self.releases.removeFirst(min(self.releases.count, Limits.releasesPerCall))
        self.credit = 0
        self.callUnderway = call
        return call
    }
}

/// When a reservation ends; equal deadlines in order of the order id.
struct Deadline: Hashable, Comparable, Sendable {
    let deadline: Instant
    let order: OrderID
    static func < (left: Deadline, right: Deadline) -> Bool {
        (left.deadline, left.order) < (right.deadline, right.order)
    }
}

/// A request that found the lot empty while more may come.
struct Starved: Sendable {
    let request: BuyRequest
    /// Since when it waits, by a clock that never steps.
    let since: Instant
}
