/// How many entries could go on at the moments of the last seconds.
struct PassedHistory: Hashable, Sendable {
    /// How far back it goes. Buyers who may go on and want to do so come within this time: the page asks every second.
    static let milliseconds: Int64 = 10_000
    /// The most moments; the pauses between them are at least a 64th of the time.
    private static let limit = 64

    private struct Sample: Hashable, Sendable {
        let moment: Instant
        let passed: Int
    }
    private var samples: [Sample] = []

    /// Entries that went on since the beginning of the history, and the milliseconds since then.
    func passed(until now: Instant, _ passed: Int) -> (entries: Int, milliseconds: Int64) {
        guard let first = self.samples.first else { return (0, 0) }
        return (max(0, passed - first.passed), max(0, now.milliseconds(since: first.moment)))
    }

    /// Entries a minute, from at least a second of history.
    func perMinute(until now: Instant, _ passed: Int) -> Int {
        let (entries, milliseconds) = self.passed(until: now, passed)
        return entries * 60_000 / Int(max(1_000, milliseconds))
    }

    mutating func add(_ passed: Int, now: Instant) {
        if let last = self.samples.last {
            // After a step back of the clock the history begins again.
            if now < last.moment { self.samples.removeAll() }
            if 0..<Self.milliseconds / Int64(Self.limit) ~= now.milliseconds(since: last.moment) { return }
        }
        self.samples.append(Sample(moment: now, passed: passed))
        // The newest sample that is old enough stays: it is the beginning of the history.
        while self.samples.count > 2, now.milliseconds(since: self.samples[1].moment) >= Self.milliseconds {
            self.samples.removeFirst()
        }
        if self.samples.count > Self.limit + 2 { self.samples.removeFirst() }
    }
}
