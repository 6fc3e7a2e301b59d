/// How fast counters rise: smoothed figures for eyes, from totals that come about once a second.
package struct CounterRates<Key: Hashable & Sendable>: Sendable {
    /// The newest difference counts in full after this time, in milliseconds.
    package static var smoothingMilliseconds: Int64 { 3_000 }

    private struct Track: Sendable {
        var total: Int
        var perSecond: Double?
    }
    private var tracks: [Key: Track] = [:]
    private var at: Instant?

    package init() {}

    /// Takes the present totals in. Counters that are not among them are forgotten.
    ///
    /// - Parameter now: By a clock that never steps.
    /// - Returns: By counter, its rise per second. A counter that is new, or has fallen, begins anew: it has no rate yet.
    package mutating func take(_ totals: [Key: Int], now: Instant) -> [Key: Double] {
        let passed = self.at.map { now.milliseconds(since: $0) } ?? 0
        self.at = now
        var next: [Key: Track] = [:]
        for (key, total) in totals {
            guard let last = self.tracks[key], total >= last.total, passed > 0 else {
                next[key] = Track(total: total)
                continue
            }
            let newest = Double(total - last.total) * 1_000 / Double(passed)
            let weight = min(1, Double(passed) / Double(Self.smoothingMilliseconds))
            next[key] = Track(total: total, perSecond: last.perSecond.map { $0 + weight * (newest - $0) } ?? newest)
        }
        self.tracks = next
        return next.compactMapValues(\.perSecond)
    }
}
