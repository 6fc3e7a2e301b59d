/// What a unit knows of one lot in its Redis. At most one call is under way.
struct RedisSession: Sendable {
    enum Phase: Hashable, Sendable {
        /// Not in Redis; the lot is primed at this moment. Can transition to: `priming`.
        case unprimed(retryAt: Instant)
        /// Can transition to: `idle`, `unprimed`.
        case priming
        /// Can transition to: `calling`, `unprimed`.
        case idle
        /// Can transition to: `idle`, `unprimed`.
        case calling(LotCall)
    }

    private(set) var phase = Phase.unprimed(retryAt: .distantPast)
    /// Raised with each priming: Redis refuses a call with an older one.
    private(set) var fence: UInt64
    /// The last sequence that a reply confirmed.
    private(set) var sequence: UInt64 = 0
    /// The newest sequence whose reservations were appended, and the newest whose reservations are durable.
    private var appended: UInt64 = 0
    private(set) var durable: UInt64 = 0
    /// When Redis last answered. A lot without requests is probed, so that a Redis that lost it is noticed.
    private var answeredAt = Instant.distantPast
    /// When Redis last reported that it does not have the lot.
    private var lostAt = Instant.distantPast

    init(fence: UInt64) { self.fence = fence }

    var isOpen: Bool {
        switch self.phase {
        case .idle, .calling: true
        case .unprimed, .priming: false
        }
    }
    var isIdle: Bool { self.phase == .idle }
    var isUnprimed: Bool { if case .unprimed = self.phase { true } else { false } }
    var callUnderway: LotCall? { if case .calling(let call) = self.phase { call } else { nil } }

    func isDue(at now: Instant) -> Bool { if case .unprimed(let at) = self.phase { at <= now } else { false } }

    func isSilent(at now: Instant) -> Bool {
        now.milliseconds(since: self.answeredAt) >= UnitMachine.Settings.probeMilliseconds
    }

    mutating func raise(fence: UInt64) { self.fence = max(self.fence, fence) }

    mutating func beginPriming() {
        precondition(self.isUnprimed, "a lot can be primed only while it is unprimed")
        self.fence += 1
        (self.sequence, self.appended, self.durable) = (0, 0, 0)
        self.phase = .priming
    }

    /// - Returns: Whether the answer was expected.
    mutating func primed(at now: Instant) -> Bool {
        guard self.phase == .priming else { return false }
        self.phase = .idle
        self.answeredAt = now
        return true
    }

    mutating func began(_ call: LotCall) {
        precondition(self.phase == .idle, "no call to Redis may start in phase \(self.phase)")
        self.phase = .calling(call)
    }

    /// - Returns: The call that was decided, if the answer was expected.
    mutating func decided(sequence: UInt64, at now: Instant) -> LotCall? {
        guard case .calling(let call) = self.phase else { return nil }
        self.phase = .idle
        self.answeredAt = now
        self.sequence = sequence
        self.appended = sequence
        return call
    }

    /// When the lot may be primed again: at once after one loss, after a pause if Redis loses the lot again soon.
    /// Without the pause the unit would fill such a Redis without end.
    mutating func retryAfterLoss(now: Instant, pauseMilliseconds pause: Int64) -> Instant {
        let isAgain = now.milliseconds(since: self.lostAt) < pause
        self.lostAt = now
        return isAgain ? now.advanced(milliseconds: pause) : now
    }

    mutating func unprime(retryAt: Instant) { self.phase = .unprimed(retryAt: retryAt) }

    /// The ledger holds every reservation that was appended.
    mutating func committed() { self.durable = self.appended }
}
