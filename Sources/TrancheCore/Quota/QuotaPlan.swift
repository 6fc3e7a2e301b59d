/// The split of a lot's stock when the sale warms up.
package enum QuotaPlan {
    /// The first grants of a lot, by the names of units.
    ///
    /// - Parameters:
    ///   - weights: Of each unit; a unit that is not named gets none. Without weights all units are alike.
    ///   - fixed: Numbers that replace the split.
    ///   - units: Those that are there now, in order of the unit.
    package static func grants(
        of stock: Int, poolPermille: Int, weights: [String: Int]?, fixed: [String: Int]?, start: ContestStart,
        among units: [String]
    ) -> [String: Int] {
        if start == .fromTheStart { return [:] }  // All of it stays in the pool, for the contest.
        if let fixed { return fixed }
        let grants = self.split(
            total: stock, poolPermille: poolPermille, weights: units.map { unit in weights.map { $0[unit] ?? 0 } ?? 1 })
        return Dictionary(uniqueKeysWithValues: zip(units, grants))
    }

    /// Splits `total`: `poolPermille` of it stays in the pool, the rest goes by weight, by largest remainder.
    ///
    /// - Returns: The grant of each weight, in order. Their sum never exceeds `total`.
    package static func split(total: Int, poolPermille: Int, weights: [Int]) -> [Int] {
        precondition((0...1_000).contains(poolPermille), "\(poolPermille) permille is not in 0...1000")
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return weights.map { _ in 0 } }
        let shared = total - total * poolPermille / 1_000
        var grants = weights.map { shared * $0 / sum }
        let byRemainder = weights.indices.sorted { left, right in
            let remainders = (shared * weights[left] % sum, shared * weights[right] % sum)
            return remainders.0 == remainders.1 ? left < right : remainders.0 > remainders.1
        }
        for index in byRemainder.prefix(shared - grants.reduce(0, +)) { grants[index] += 1 }
        return grants
    }
}
