// Replies to units: the verdicts that they do not have yet.

extension ContestMerge {
    /// The answer to a unit's report: the verdicts that it does not have yet.
    package mutating func reply(
        to unit: UnitID, generation: Generation, heard: Int, now: Instant
    ) -> ContestReply.Lot {
        let from = min(max(0, heard), self.book.verdicts[unit]?.count ?? 0)
        let free = max(0, self.book.terms.waitlist + self.stock.coming - self.book.line.count)
        var feed = self.feeds[unit] ?? Feed(generation: Generation(0))
        // Behind as many undecided requests of the unit as there are items and places, no request can get a place.
        let isFull = self.book.passedCount >= self.settings.requestsMax
        feed.allowance = max(
            feed.allowance, self.stock.isClosed || isFull ? 0 : feed.next - feed.undecided + self.stock.pool + free)
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
            verdicts: self.verdicts(for: unit, from: from), fence: self.book.frontier.stamp,
            positions: positions, mayReturn: self.stock.mayReturn)
    }

    /// Verdicts from a number on; none if they are earlier than those that this leader has.
    private func verdicts(for unit: UnitID, from number: Int) -> [Verdict] {
        let range = number..<(number + Limits.verdictsPerReply)
        guard let list = self.book.verdicts[unit] else { return [] }
        if number >= list.first { return list[range] }
        guard let old = self.history[unit], number >= old.first else { return [] }
        // Where the page ends before the leader's own verdicts begin, the next page comes first.
        return old.count == list.first ? old[range] + list[range] : old[range]
    }

    /// The number of the first verdict that must be fetched from the center before a reply to the unit can have it;
    /// `nil` if none must.
    package func missing(_ unit: UnitID, heard: Int) -> Int? {
        guard let list = self.book.verdicts[unit], heard >= 0, heard < list.first else { return nil }
        if let old = self.history[unit], heard >= old.first, heard < old.count { return nil }
        return heard
    }

    /// Takes verdicts in that were fetched from the center.
    package mutating func recall(_ verdicts: [Verdict], of unit: UnitID, from number: Int) {
        guard number >= 0, let list = self.book.verdicts[unit], number < list.first else { return }
        var old = VerdictList(first: number)
        // Later ones are the leader's own: the center may have more of them, whose batches are not acknowledged yet.
        for verdict in verdicts.prefix(min(Limits.verdictsPerPage, list.first - number)) { old.append(verdict) }
        self.history[unit] = old
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
