/// Keeps calls away from a peer that fails, and tries it again now and then.
///
/// Source: Nygard, "Release It!", 2007, chapter "Circuit Breaker". Without it every call waits for a timeout of a peer
/// that is gone, and the waiting calls use the process up.
package struct Breaker: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// Calls go out. Can transition to: `open`, after as many failures in a row as the limit.
        case closed(failures: Int)
        /// No call goes out before `until`. Can transition to: `probing`, with the first call after it.
        case open(until: Instant, pauseMilliseconds: Int64)
        /// One call is out. Can transition to: `closed`, if it succeeds; `open` with the double pause, if it fails. A
        /// call that never reports is replaced by another one at `until`.
        case probing(until: Instant, pauseMilliseconds: Int64)
    }

    /// Failures in a row that open it.
    package static let failureLimit = 5

    package private(set) var state = State.closed(failures: 0)
    package let firstPauseMilliseconds: Int64
    package let longestPauseMilliseconds: Int64

    package init(firstPauseMilliseconds: Int64 = 500, longestPauseMilliseconds: Int64 = 30_000) {
        precondition(
            firstPauseMilliseconds > 0 && firstPauseMilliseconds <= longestPauseMilliseconds
                && longestPauseMilliseconds <= Int64(Limits.retryMilliseconds),
            "pauses of \(firstPauseMilliseconds) to \(longestPauseMilliseconds) ms")
        self.firstPauseMilliseconds = firstPauseMilliseconds
        self.longestPauseMilliseconds = longestPauseMilliseconds
    }

    /// Whether one call may go out now. The call must report to ``succeeded()`` or ``failed(now:)``.
    package mutating func permits(now: Instant) -> Bool {
        switch self.state {
        case .closed: return true
        case .open(let until, let pause), .probing(let until, let pause):
            guard now >= until else { return false }
            self.state = .probing(until: now.advanced(milliseconds: pause), pauseMilliseconds: pause)
            return true
        }
    }

    /// A call succeeded. While it is open this changes nothing: the call is from before the peer failed.
    package mutating func succeeded() {
        if case .open = self.state { return }
        self.state = .closed(failures: 0)
    }

    /// A call failed, or had no answer in time.
    package mutating func failed(now: Instant) {
        switch self.state {
        case .closed(let failures) where failures + 1 < Self.failureLimit:
            self.state = .closed(failures: failures + 1)
        case .closed: self.open(now, self.firstPauseMilliseconds)
        case .open: break
        case .probing(_, let pause): self.open(now, min(pause * 2, self.longestPauseMilliseconds))
        }
    }

    /// Milliseconds until the next probe; 0 if calls go out.
    package func pauseLeftMilliseconds(now: Instant) -> Int64 {
        switch self.state {
        case .closed: 0
        case .open(let until, _), .probing(let until, _): max(0, until.milliseconds(since: now))
        }
    }

    package var isClosed: Bool { if case .closed = self.state { true } else { false } }

    /// When a caller that was refused should come again: after the next probe, and not all callers at that moment.
    ///
    /// - Parameter draw: Random bits.
    package func retryAfterMilliseconds(now: Instant, draw: UInt64) -> Int {
        let left = Int(self.pauseLeftMilliseconds(now: now))
        return left + 500 + Int(draw % UInt64(max(left, 500) + 1))
    }

    private mutating func open(_ now: Instant, _ pause: Int64) {
        self.state = .open(until: now.advanced(milliseconds: pause), pauseMilliseconds: pause)
    }
}
