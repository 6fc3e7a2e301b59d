/// How many requests want each quantity: a change, and the number of those that want more than a given quantity, take
/// logarithmic time.
///
/// A Fenwick tree (Software: Practice and Experience 24, 1994) that grows with the largest quantity, so that a lot with
/// a limit of one has a few bytes.
struct QuantityCounts: Sendable {
    /// The element `i - 1` counts the quantities above `i - (i & -i)`, up to `i`. The number of elements is a power of two.
    private var sums: [Int32] = []
    private(set) var count = 0

    /// - Parameter quantity: Quantities beyond the limit of an order count as the limit.
    mutating func add(_ change: Int, of quantity: Int) {
        let quantity = min(max(1, quantity), Limits.quantityPerOrder)
        while self.sums.count < quantity { self.grow() }
        var index = quantity
        while index <= self.sums.count {
            self.sums[index - 1] += Int32(change)
            index += index & -index
        }
        self.count += change
    }

    /// Requests that want more than `quantity`.
    func above(_ quantity: Int) -> Int {
        var (index, upTo) = (min(max(0, quantity), self.sums.count), 0)
        while index > 0 {
            upTo += Int(self.sums[index - 1])
            index -= index & -index
        }
        return self.count - upTo
    }

    /// Of the new elements only the last one covers quantities from before, and it covers all of them.
    private mutating func grow() {
        let added = max(4, self.sums.count)
        self.sums += [Int32](repeating: 0, count: added)
        self.sums[self.sums.count - 1] = Int32(self.count)
    }
}
