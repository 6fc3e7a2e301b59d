import LoadGenerator
import TrancheCore

/// The result for the same crowd if each region kept its first quota for the whole sale.
struct StaticSplit {
    /// Seconds until the first region is sold out.
    let firstSoldOutSeconds: Double
    /// Items that the other regions still hold at that time.
    let idleThen: [Int]
    /// Items that are unsold at the end of the crowd.
    let unsoldAtEnd: Int

    /// - Parameter stock: In equal thirds.
    init(_ arrivals: [Arrival], stock: Int) {
        var left = QuotaPlan.split(total: stock, poolPermille: 0, weights: [1, 1, 1])
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
