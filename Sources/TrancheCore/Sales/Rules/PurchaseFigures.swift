/// How a process has answered since its start, over all its sales: a unit its purchases, a gate those who want a
/// token. Every number only grows, so a report of them may be lost, repeated or late.
package struct PurchaseFigures: Hashable, Sendable, Codable {
    /// The bounds of ``durations``, in microseconds. The last count has no bound.
    package static let bounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000,
    ]

    /// Refused purchases, by the code of the refusal.
    package var refused: [String: Int]
    /// Purchases that got an order, by the time to the answer.
    package var durations: [Int]
    /// Tokens that a gate made; 0 of a unit.
    package var tokens: Int

    package init(refused: [String: Int] = [:], durations: [Int] = [], tokens: Int = 0) {
        (self.refused, self.tokens) = (refused, tokens)
        let count = Self.bounds.count + 1
        self.durations = Array((durations + [Int](repeating: 0, count: count)).prefix(count))
    }

    /// Purchases that got an order.
    package var ordered: Int { self.durations.reduce(0, +) }
    /// All purchases, or at a gate all who wanted a token.
    package var answered: Int { self.refused.values.reduce(self.ordered + self.tokens, +) }

    /// The share of all purchases that were refused with a code, in permille; 0 if there were none.
    package func permille(_ code: String) -> Int {
        let answered = self.answered
        return answered == 0 ? 0 : (self.refused[code] ?? 0) * 1_000 / answered
    }

    /// The time within which so many of 1,000 orders were answered, in microseconds, as if durations were spread
    /// evenly within their bucket. `nil` if there was none.
    package func microseconds(permille: Int) -> Int64? {
        let ordered = self.ordered
        guard ordered > 0 else { return nil }
        let rank = max(1, (ordered * permille + 999) / 1_000)
        var below = 0
        for (index, count) in self.durations.enumerated() {
            guard below + count < rank else {
                let low = index == 0 ? 0 : Self.bounds[index - 1]
                guard index < Self.bounds.count else { return low }
                return low + (Self.bounds[index] - low) * Int64(rank - below) / Int64(count)
            }
            below += count
        }
        return Self.bounds.last
    }

    /// Whether these figures can be later ones of the process that had `other`.
    func follows(_ other: Self) -> Bool {
        self.tokens >= other.tokens && zip(self.durations, other.durations).allSatisfy { $0 >= $1 }
            && other.refused.allSatisfy { self.refused[$0.key] ?? 0 >= $0.value }
    }

    package static func + (left: Self, right: Self) -> Self {
        Self(
            refused: left.refused.merging(right.refused, uniquingKeysWith: +),
            durations: zip(left.durations, right.durations).map { $0 + $1 }, tokens: left.tokens + right.tokens)
    }

    /// What came since `right`, which are earlier figures of the same sum.
    package static func - (left: Self, right: Self) -> Self {
        var refused = left.refused
        for (code, count) in right.refused { refused[code, default: 0] -= count }
        return Self(
            refused: refused.filter { $0.value > 0 },
            durations: zip(left.durations, right.durations).map { max(0, $0 - $1) },
            tokens: max(0, left.tokens - right.tokens))
    }
}
