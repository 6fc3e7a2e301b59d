/// The answer of a limit on requests.
package enum RateVerdict: Hashable, Sendable {
    case admitted
    /// The same request is admitted after this many milliseconds (at least 1), if no other one comes in between.
    case refused(retryAfterMilliseconds: Int)

    package var isAdmitted: Bool { self == .admitted }
}

/// At most `count` requests in any window of time, with bursts: the generic cell rate algorithm (GCRA).
///
/// Source: ATM Forum, "Traffic Management Specification 4.0", 1996, section 4.4.2 (virtual scheduling). The state of one
/// caller is one moment: the time at which a caller of even pace would have sent the next request. A request is admitted
/// unless it comes more than `burst - 1` intervals before that moment. A refused request changes nothing, so a caller
/// who asks too often loses no right to the later requests.
///
/// A window, its ends included, admits at most `burst + window / interval` requests. The interval is therefore
/// `window / (count - burst)`: of `count + 1` requests in any window at least one is refused, wherever the window
/// begins. The usual choice, `window / count`, admits up to `count + burst` requests in a window.
package struct RateLimit: Hashable, Sendable {
    /// The most requests in any window.
    package let count: Int
    /// The most requests at the same moment.
    package let burst: Int
    package let windowMicroseconds: Int64
    /// Microseconds after which a caller who used the burst up is admitted once more.
    package let intervalMicroseconds: Int64

    /// The rule for both numbers, for messages.
    package static var rule: String {
        "a limit has 1...\(Limits.requestsPerWindow) requests, and a burst of at least 1 and at most all of them"
    }

    /// At most `perMinute` requests in any 60 seconds.
    ///
    /// - Returns: `nil` if the numbers break ``rule``.
    package init?(perMinute: Int, burst: Int) {
        self.init(count: perMinute, windowMicroseconds: 60_000_000, burst: burst)
    }

    /// At most `perSecond` requests in any second.
    ///
    /// - Returns: `nil` if the numbers break ``rule``.
    package init?(perSecond: Int, burst: Int) {
        self.init(count: perSecond, windowMicroseconds: 1_000_000, burst: burst)
    }

    private init?(count: Int, windowMicroseconds: Int64, burst: Int) {
        guard (1...Limits.requestsPerWindow).contains(count), (1...count).contains(burst) else { return nil }
        self.count = count
        self.burst = burst
        self.windowMicroseconds = windowMicroseconds
        let spread = Int64(count - burst)
        // The shortest interval with at most `spread` of it in a window. It decides when the whole window is the burst,
        // and when whole microseconds are coarse; otherwise the exact interval is longer.
        let shortest = windowMicroseconds / (spread + 1) + 1
        self.intervalMicroseconds = spread == 0 ? shortest : max(shortest, windowMicroseconds / spread)
    }

    /// Decides about one request, and counts it if it is admitted.
    ///
    /// - Parameters:
    ///   - state: The caller's state; `.distantPast` for a caller who is not known. A state that is not later than `now`
    ///     is worth no more than that, and need not be kept.
    ///   - now: By a clock that never steps. A step back costs a caller one interval at most.
    package func admit(_ state: inout Instant, now: Instant) -> RateVerdict {
        let interval = self.intervalMicroseconds
        let latest = Self.sum(now, interval * Int64(self.burst))
        // A state later than any request could have made it is from before a step of the clock, or damaged.
        if state > latest { state = latest }
        let earliest = max(state, now).microseconds - interval * Int64(self.burst - 1)
        guard now.microseconds < earliest else {
            state = Self.sum(max(state, now), interval)
            return .admitted
        }
        let wait = earliest - now.microseconds
        return .refused(retryAfterMilliseconds: Int(wait / 1_000 + (wait % 1_000 == 0 ? 0 : 1)))
    }

    /// Saturates, because both terms may come from a peer.
    private static func sum(_ instant: Instant, _ microseconds: Int64) -> Instant {
        let (sum, over) = instant.microseconds.addingReportingOverflow(microseconds)
        return over ? .distantFuture : Instant(microseconds: sum)
    }
}
