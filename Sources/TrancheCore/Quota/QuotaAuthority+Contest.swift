// The authority's part in contests: the switch, and the one record per decision.

extension QuotaAuthority {
    /// Switches a lot to the contest, for good.
    ///
    /// - Returns: Whether anything changed.
    package mutating func contend(
        _ lot: LotID, _ terms: ContestTerms, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) -> Bool {
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        guard state.contest == nil else { return false }
        self.append(.contended(lot, terms), into: &records)
        return true
    }

    /// Takes a coordinator's decision into the log. A repeated batch is accepted again.
    ///
    /// - Returns: Items left in the pool, items that units return, and outstanding unpaid items.
    package mutating func record(
        _ lot: LotID, _ batch: ContestBatch, by epoch: Epoch, now: Instant, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) -> (pool: Int, coming: Int, mayReturn: Int) {
        try self.check(coordinator: epoch)
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        guard let contest = state.contest else { throw .notContended(lot) }
        guard batch.number == contest.batches + 1 else {
            throw .batchOutOfTurn(batch.number, expected: contest.batches + 1)
        }
        let entrants = contest.entrants(of: batch)
        guard entrants.count == batch.allocated.count else {
            throw .invalidBatch(lot, reason: "an order is not in the line, or is there twice")
        }
        for entrant in entrants {
            guard (1...Limits.quantityPerOrder).contains(entrant.quantity),
                self.book.units[entrant.unit]?.generation == entrant.generation,
                self.book.account(lot, entrant.unit, entrant.generation).status == .active
            else { throw .invalidBatch(lot, reason: "the ledger of unit \(entrant.unit) has another generation") }
        }
        guard entrants.reduce(0, { $0 + $1.quantity }) <= state.pool else {
            throw .invalidBatch(lot, reason: "it allocates more than the \(state.pool) in the pool")
        }
        guard !batch.passed.contains(where: { contest.knows($0.order, of: $0.queue, index: $0.index) }) else {
            throw .invalidBatch(lot, reason: "an order passes twice")
        }
        self.append(.contest(lot, batch), into: &records)
        return (self.book.lots[lot]!.pool, self.coming(lot, now: now), self.mayReturn(lot))
    }

    /// A page of a contest for the leader, from an item on.
    ///
    /// - Parameter batches: The batch of the first page; `nil` for the first page itself.
    package func contestPage(
        _ lot: LotID, for epoch: Epoch, from first: Int, batches: UInt64?, limit: Int = Limits.itemsPerPage
    ) throws(AuthorityError) -> ContestPage {
        let contest = try self.contest(lot, for: epoch)
        if let batches, batches != contest.batches { throw .batchOutOfTurn(batches, expected: contest.batches) }
        let items = contest.itemCount
        guard (0...items).contains(first) else { throw .pageOutOfRange(first, limit: items) }
        return contest.page(lot, for: epoch, from: first, limit: limit)
    }

    /// Verdicts for a unit, from a number on: a page for the leader.
    package func verdicts(
        _ lot: LotID, of unit: UnitID, for epoch: Epoch, from number: Int
    ) throws(AuthorityError) -> [Verdict] {
        let contest = try self.contest(lot, for: epoch)
        let count = contest.verdicts[unit]?.count ?? 0
        guard (0...count).contains(number) else { throw .pageOutOfRange(number, limit: count) }
        return contest.verdicts(of: unit, from: number)
    }

    private func contest(_ lot: LotID, for epoch: Epoch) throws(AuthorityError) -> ContestBook {
        try self.check(coordinator: epoch)
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        guard let contest = state.contest else { throw .notContended(lot) }
        return contest
    }

    /// Outstanding and unpaid items: they may return, those of stranded ledgers included.
    package func mayReturn(_ lot: LotID) -> Int {
        (self.book.lots[lot]?.accounts ?? []).filter { $0.status != .settled }.reduce(0) { sum, account in
            let isCurrent = self.book.units[account.unit]?.generation == account.generation
            let told = isCurrent ? self.seen[account.unit]?.told(lot) : nil
            return sum + max(0, account.outstanding - (told?.paid ?? 0))
        }
    }

    /// Quota that living units hold and have not sold: in a contest they return it.
    private func coming(_ lot: LotID, now: Instant) -> Int {
        self.book.units.reduce(0) { sum, unit in
            guard let seen = self.seen[unit.key], now.milliseconds(since: seen.at) <= Self.silenceMilliseconds else {
                return sum
            }
            let account = self.book.account(lot, unit.key, unit.value.generation)
            let told = self.counters[unit.key]?[lot] ?? QuotaCounters()
            // By the unit's own count of allocations: allocations under way to it belong to orders.
            return sum + max(0, account.granted + told.allocated - told.returned - told.live)
        }
    }

    /// The number of requests of one unit that can still get a place in the contest; `nil` without a contest.
    func allowance(_ lot: LotID) -> Int? {
        guard let state = self.book.lots[lot], let contest = state.contest else { return nil }
        let units = self.book.units.keys.reduce(0) { $0 + max(0, self.available(lot, $1)) }
        return state.pool + units + contest.terms.waitlist
    }

    /// The state that a coordinator needs to continue a contest.
    package func contestStock(_ lot: LotID, isClosed: Bool, now: Instant) -> ContestMerge.Stock {
        let active = self.book.units.filter {
            self.book.account(lot, $0.key, $0.value.generation).status == .active
        }
        return ContestMerge.Stock(
            batches: self.book.lots[lot]?.contest?.batches ?? 0, pool: self.book.lots[lot]?.pool ?? 0,
            coming: self.coming(lot, now: now),
            mayReturn: self.mayReturn(lot), isClosed: isClosed, isFrozen: self.book.lots[lot]?.isFrozen ?? false,
            members: active.mapValues(\.generation))
    }
}
