import TrancheCore

/// A wall clock that may be wrong: offset, at another speed, or stopped.
struct SimulatedClock {
    /// The clock is stopped.
    static let stopped: Int64 = -1_000_000
    private var since = Instant.distantPast
    private var offsetMicroseconds: Int64 = 0
    /// Microseconds that it gains in a true second.
    private var gain: Int64 = 0

    func read(at now: Instant) -> Instant {
        var passed: Int64 = 0
        if self.gain != 0 { passed = now.microseconds - self.since.microseconds }
        return Instant(
            microseconds: now.microseconds + self.offsetMicroseconds + passed / 1_000 * self.gain / 1_000)
    }

    mutating func step(toOffsetMicroseconds offset: Int64) {
        self.offsetMicroseconds = offset
        self.gain = 0
    }

    /// Continues from the shown time, at another speed.
    mutating func run(gaining gain: Int64, from now: Instant) {
        self.offsetMicroseconds = self.read(at: now).microseconds - now.microseconds
        self.since = now
        self.gain = gain
    }
}
