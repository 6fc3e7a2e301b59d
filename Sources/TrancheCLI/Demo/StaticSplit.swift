import LoadGenerator

/// What the same crowd would have met if each region had kept its first quota for good.
struct StaticSplit {
    /// Seconds until the first region is sold out.
    let firstSoldOutSeconds: Double
    /// What the other regions still hold at that moment, while the first one turns buyers away.
    let idleThen: [Int]
    /// What is unsold when the crowd has gone.
    let unsoldAtEnd: Int

    init(arrivals: [Arrival], quotas: [Int]) {
        var left = quotas
        var first: (Double, [Int])?
        for arrival in arrivals where left[arrival.unit] >= arrival.quantity {
            left[arrival.unit] -= arrival.quantity
            if left[arrival.unit] == 0, first == nil { first = (Double(arrival.atMilliseconds) / 1_000, left) }
        }
        self.firstSoldOutSeconds = first?.0 ?? 0
        self.idleThen = first?.1 ?? left
        self.unsoldAtEnd = left.reduce(0, +)
    }
}
