/// When a refused caller should come again: later each time, and never all callers at the same moment.
///
/// Half of the pause is drawn (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015: "equal jitter").
/// With a fixed pause, a crowd that was refused together comes back together.
package struct RetryAfter: Hashable, Sendable {
    package let firstMilliseconds: Int
    package let longestMilliseconds: Int

    /// - Precondition: `1 <= firstMilliseconds <= longestMilliseconds <= Limits.retryMilliseconds`.
    package init(firstMilliseconds: Int = 1_000, longestMilliseconds: Int = 30_000) {
        precondition(
            (1...longestMilliseconds).contains(firstMilliseconds) && longestMilliseconds <= Limits.retryMilliseconds,
            "pauses of \(firstMilliseconds) to \(longestMilliseconds) ms")
        self.firstMilliseconds = firstMilliseconds
        self.longestMilliseconds = longestMilliseconds
    }

    /// - Parameters:
    ///   - refusals: How often the caller was refused in a row before; each one doubles the pause, up to the longest.
    ///   - draw: Random bits.
    package func milliseconds(refusals: Int, draw: UInt64) -> Int {
        var pause = self.firstMilliseconds
        for _ in 0..<max(0, min(refusals, 32)) where pause < self.longestMilliseconds { pause *= 2 }
        return Self.drawn(min(pause, self.longestMilliseconds), draw)
    }

    /// For a buyer in the line: until the line has moved by those ahead, within the pauses of this value.
    ///
    /// - Parameters:
    ///   - ahead: Entries before the buyer's.
    ///   - perMinute: Entries that go on in a minute; 0 if the line stands.
    package func milliseconds(ahead: Int, perMinute: Int, draw: UInt64) -> Int {
        guard perMinute > 0 else { return Self.drawn(self.longestMilliseconds, draw) }
        let (product, over) = max(0, ahead).multipliedReportingOverflow(by: 60_000)
        let wait = over ? self.longestMilliseconds : product / perMinute
        return Self.drawn(min(max(wait, self.firstMilliseconds), self.longestMilliseconds), draw)
    }

    /// The number for the header `Retry-After`, which has whole seconds (RFC 9110, section 10.2.3): never less than the
    /// pause.
    package static func seconds(milliseconds: Int) -> Int {
        max(1, milliseconds / 1_000 + (milliseconds % 1_000 > 0 ? 1 : 0))
    }

    /// Between half of the pause and all of it.
    private static func drawn(_ pause: Int, _ draw: UInt64) -> Int {
        pause - Int(draw % UInt64(pause / 2 + 1))
    }
}
