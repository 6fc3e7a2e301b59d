// Replies to units: the verdicts that they do not have yet.

extension ContestMerge {
    /// The answer to a unit's report: the verdicts that it does not have yet.
    package mutating func reply(
        to unit: UnitID, generation: Generation, heard: Int, now: Instant
    ) -> ContestReply.Lot {
        let verdicts = self.book.verdicts[unit] ?? []
        let from = min(max(0, heard), verdicts.count)
        let free = max(0, self.book.terms.waitlist + self.stock.coming - self.book.line.count)
        var feed = self.feeds[unit] ?? Feed(generation: Generation(0))
        // Behind as many undecided requests of the unit as there are items and places, no request can get a place.
        feed.allowance = max(
            feed.allowance, self.stock.isClosed ? 0 : feed.next - feed.undecided + self.stock.pool + free)
        var positions: [ContestReply.Position]?
        if abs(now.milliseconds(since: feed.positionsAt)) >= 500, !self.book.line.isEmpty {
            feed.positionsAt = now
            positions = self.positions(of: unit)
        }
        if self.feeds[unit] != nil { self.feeds[unit] = feed }
        return ContestReply.Lot(
            lot: self.lot, isTaken: self.stock.members[unit] == generation && feed.generation == generation,
            next: feed.next,
            allowance: feed.allowance, from: from,
            verdicts: Array(verdicts[from...].prefix(Limits.verdictsPerReply)), fence: self.book.frontier.stamp,
            positions: positions, mayReturn: self.stock.mayReturn)
    }

    private func positions(of unit: UnitID) -> [ContestReply.Position] {
        var ahead = 0
        var found: [ContestReply.Position] = []
        for entrant in self.book.line {
            if entrant.unit == unit, found.count < Limits.waitlist {
                found.append(.init(order: entrant.order, ahead: ahead))
            }
            ahead += entrant.quantity
        }
        return found
    }
}
