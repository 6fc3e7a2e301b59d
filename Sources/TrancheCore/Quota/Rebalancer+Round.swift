// A coordinator's decision about one lot: the contest, or the rebalance.

extension Rebalancer {
    /// A lot that is sold locally, as a coordinator sees it.
    package struct Stock: Hashable, Sendable {
        package let lot: LotID
        package let issued: Int
        package let pool: Int
        /// What is in the pool, and what every unit can still sell, whether or not it has reported yet.
        package let left: Int
        package let isFrozen: Bool
        /// In order of the unit.
        package let samples: [Sample]
        package let start: ContestStart
        package let terms: ContestTerms

        /// - Parameter available: What each unit can still sell; a unit that has promised more than it holds counts as empty.
        package init(
            lot: LotID, issued: Int, pool: Int, available: some Sequence<Int>, isFrozen: Bool, samples: [Sample],
            start: ContestStart, terms: ContestTerms
        ) {
            self.lot = lot
            self.issued = issued
            self.pool = pool
            self.left = available.reduce(pool) { $0 + max(0, $1) }
            self.isFrozen = isFrozen
            self.samples = samples
            self.start = start
            self.terms = terms
        }
    }

    /// One round for one lot. A scarce lot goes to the contest, with nothing granted or reclaimed any more. Any other lot is
    /// refilled and reclaimed. A lot that an operator froze stays as it is.
    package mutating func round(_ stock: Stock, now: Instant) -> [Decision] {
        if stock.isFrozen { return [] }
        let isScarce = self.isScarce(
            stock.lot, issued: stock.issued, left: stock.left, samples: stock.samples, start: stock.start)
        let room = ContestRoom.itemsLeft(waitlist: stock.terms.waitlist, units: stock.samples.count)
        if isScarce, stock.start != .whenScarce || stock.left <= room { return [.contend(stock.lot, stock.terms)] }
        return self.decide(stock.lot, pool: stock.pool, samples: stock.samples, now: now)
    }
}
