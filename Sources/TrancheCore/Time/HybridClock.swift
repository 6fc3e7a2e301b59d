/// The clock of one unit: strictly increasing stamps, across restarts too.
///
/// Stamps stay below a **durable ceiling**. The shell raises the ceiling in the ledger ahead of time, and after a
/// restart no stamp is emitted below it, so no stamp is given twice, for any error of the wall clock.
package struct HybridClock: Sendable {
    /// How far ahead of the wall clock a ceiling is set, in milliseconds.
    package static let ceilingLeadMilliseconds: Int64 = 1_000
    /// The ceiling is raised when less than this is left, in milliseconds.
    package static let ceilingMarginMilliseconds: Int64 = 500
    /// The longest wait at a start for the wall clock to pass the ceiling, in milliseconds.
    package static let startWaitLimitMilliseconds: Int64 = 1_500

    /// A fence that is further ahead of the wall clock than this is refused, in milliseconds.
    package static let maxOffsetMilliseconds: Int64 = 250

    package private(set) var last: Stamp
    /// Refused fences: a clock is wrong.
    package private(set) var refusedFences = 0
    package private(set) var ceiling: Stamp

    /// The decision at a start, by the ceiling of the last run.
    package enum Start: Hashable, Sendable {
        case ready
        /// Wait this many milliseconds, then decide again.
        case wait(milliseconds: Int64)
        /// The wall clock is too far behind the last run's ceiling.
        case refuse(behindMilliseconds: Int64)
    }

    package static func start(durableCeiling: Stamp, now: Instant) -> Start {
        let behind = durableCeiling.instant.milliseconds(since: now)
        if Stamp(now) >= durableCeiling { return .ready }
        return behind < Self.startWaitLimitMilliseconds
            ? .wait(milliseconds: behind + 1) : .refuse(behindMilliseconds: behind)
    }

    /// The largest lead of the wall clock over a clock that never steps: in milliseconds, and in permille of each
    /// second. A wall clock beyond it is not used.
    package static let slackMilliseconds: Int64 = 250
    package static let slackPermille: Int64 = 1

    /// Both clocks at the last time when the wall clock was used.
    private var anchor: (wall: Instant, steady: Instant)?

    /// - Parameter durableCeiling: The ceiling of the last run; stamps start at or above it.
    package init(durableCeiling: Stamp) {
        self.last = durableCeiling
        self.ceiling = durableCeiling
    }

    /// Another process's clock has confirmed the wall clock.
    package mutating func confirm(now: Instant, steady: Instant) { self.anchor = (now, steady) }

    /// The wall clock, with a limit on its lead. A clock that jumps ahead would give stamps and write a ceiling that
    /// block the unit for as long as the jump was.
    ///
    /// - Parameter steady: The same moment by a clock that never steps; `nil` where the wall clock has no limit.
    private mutating func believed(_ now: Instant, _ steady: Instant?) -> Instant {
        guard let steady else { return now }
        guard let anchor else {
            self.anchor = (now, steady)
            return now
        }
        let passed = max(0, steady.milliseconds(since: anchor.steady))
        return min(
            now,
            anchor.wall.advanced(milliseconds: passed + Self.slackMilliseconds + passed / 1_000 * Self.slackPermille))
    }

    /// The next stamp, or `nil` if it would reach the ceiling. The caller must then refuse the request as overloaded.
    package mutating func stamp(now: Instant, steady: Instant? = nil) -> Stamp? {
        let stamp = max(Stamp(self.believed(now, steady)), self.last.next)
        guard stamp < self.ceiling else { return nil }
        self.last = stamp
        return stamp
    }

    /// Promises that every later stamp is above the result. The watermark follows the wall clock even without requests.
    package mutating func watermark(now: Instant, steady: Instant? = nil) -> Stamp {
        let limit = Stamp(rawValue: self.ceiling.rawValue - min(1, self.ceiling.rawValue))
        self.last = max(self.last, min(Stamp(self.believed(now, steady)), limit))
        return self.last
    }

    /// Moves above a coordinator's fence, if the fence is near the wall clock. No other message moves a unit's clock.
    package mutating func advance(past fence: Stamp, now: Instant, steady: Instant? = nil) {
        guard fence > self.last else { return }
        let limit = self.believed(now, steady).advanced(milliseconds: Self.maxOffsetMilliseconds)
        guard fence <= Stamp(limit), fence < self.ceiling else {
            self.refusedFences += 1
            return
        }
        self.last = fence
    }

    /// The ceiling to make durable now, or `nil` while enough is left.
    package mutating func ceilingWanted(now: Instant, steady: Instant? = nil) -> Stamp? {
        let now = self.believed(now, steady)
        let needed = max(Stamp(now.advanced(milliseconds: Self.ceilingMarginMilliseconds)), self.last)
        guard needed >= self.ceiling else { return nil }
        return max(Stamp(now.advanced(milliseconds: Self.ceilingLeadMilliseconds)), self.last.next)
    }

    /// Adopts a durable ceiling.
    package mutating func raise(ceiling: Stamp) { self.ceiling = max(self.ceiling, ceiling) }
}
