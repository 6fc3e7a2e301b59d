/// The rank of an entry. The line has no state: a rank depends on the entry only, so every gate computes the same one.
package enum EntryLine {
    /// - Parameters:
    ///   - arrivedAt: When the entry came, by the gate's wall clock. An entry at the opening itself is late.
    ///   - draw: The buyer's draw number in this lot.
    /// - Returns: ``GateRefusal/entryClosed(openedAt:)`` for a lottery that has begun to sell.
    package static func rank(
        _ policy: LinePolicy, arrivedAt: Instant, opensAt: Instant, draw: UInt64
    ) -> Result<EntryRank, GateRefusal> {
        switch policy {
        case .open, .firstCome: .success(EntryRank(arrivedAt: arrivedAt))
        case .lottery where arrivedAt >= opensAt: .failure(.entryClosed(openedAt: opensAt))
        case .lotteryThenFirstCome where arrivedAt >= opensAt: .success(EntryRank(arrivedAt: arrivedAt))
        case .lottery, .lotteryThenFirstCome: .success(EntryRank(draw: draw))
        }
    }
}
