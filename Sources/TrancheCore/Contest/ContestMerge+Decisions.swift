// The frontier, the orders that get stock, and the orders that are released.

extension ContestMerge {
    /// Takes over the center's state of the lot. A state read before the last batch is not used for the pool.
    package mutating func observe(_ stock: Stock) {
        let isFresh = self.pending == nil && stock.batches == self.book.batches
        let old = self.stock
        self.stock = stock
        // An earlier state that arrives later may have an older generation; generations never go down.
        for (unit, generation) in old.members {
            if let told = stock.members[unit] { self.stock.members[unit] = max(told, generation) }
        }
        self.hasObserved = true
        guard !isFresh else { return }
        (self.stock.pool, self.stock.coming) = (old.pool, old.coming)
        self.stock.mayReturn = max(old.mayReturn, stock.mayReturn)
    }

    /// The next batch, or `nil` if nothing has changed or the last batch is not in the log yet.
    package mutating func decide(now: Instant) -> ContestBatch? {
        guard self.pending == nil, self.hasObserved, !self.stock.isFrozen else { return nil }
        // The center refuses every further number.
        guard self.book.batches < Limits.batches else { return nil }
        let (frontier, waited) = self.reach(now: now)
        let passed = self.pass(upTo: frontier, pool: self.stock.pool)
        let (allocated, released) = self.divide(self.book.line, passed, self.stock)
        guard !passed.isEmpty || !allocated.isEmpty || !released.isEmpty else { return nil }
        for entrant in passed {
            self.frontier = max(self.frontier, entrant.place)
            self.feeds[entrant.unit]?.undecided -= 1
        }
        let batch = ContestBatch(
            number: self.book.batches + 1, at: now, frontier: self.frontier, passed: passed, allocated: allocated,
            released: released, waited: waited)
        self.pending = batch
        return batch
    }

    /// The batch is in the log: replies include it from now on.
    ///
    /// - Parameters:
    ///   - pool: Items in the pool after it.
    ///   - coming: Items that units still return, read together with the pool: items in the pool do not count.
    ///   - mayReturn: Outstanding and unpaid items after it.
    package mutating func committed(_ number: UInt64, pool: Int, coming: Int, mayReturn: Int) {
        guard let batch = self.pending, batch.number == number else { return }
        self.pending = nil
        self.book.apply(batch)
        self.book.keepVerdicts(Limits.verdictsHeld)
        for entrant in batch.passed { self.waiting[entrant.order] = nil }
        (self.stock.batches, self.stock.pool) = (number, pool)
        (self.stock.coming, self.stock.mayReturn) = (coming, mayReturn)
    }

    /// The lowest watermark of the units that the merge waits for, and these units.
    private func reach(now: Instant) -> (Stamp, [UnitID]) {
        let oldest = Stamp(now.advanced(milliseconds: -self.settings.holdMaxMilliseconds))
        let isNew = now.milliseconds(since: self.beganAt) < self.settings.holdMaxMilliseconds
        var reached: Stamp?
        var waited: [UnitID] = []
        for unit in self.stock.members.keys.sorted() {
            let feed = self.feeds[unit].flatMap { $0.generation == self.stock.members[unit] ? $0 : nil }
            let watermark = feed?.watermark ?? .zero
            if feed?.isTrusted == false || (watermark < oldest && !isNew) { continue }
            waited.append(unit)
            reached = min(reached ?? watermark, watermark)
        }
        return (reached ?? oldest, waited)
    }

    /// Takes from the heap all candidates that now have a final place, in final order.
    private mutating func pass(upTo frontier: Stamp, pool: Int) -> [ContestBatch.Entrant] {
        if case .bandLottery(let band) = self.book.terms.policy {
            return self.passByLottery(upTo: frontier, band: band, pool: pool)
        }
        var passed: [ContestBatch.Entrant] = []
        let waitsForNobody = self.book.terms.policy == .arrival
        while let first = self.heap.first, waitsForNobody || first.entrant.place.stamp <= frontier,
            passed.count < Limits.entrantsPerBatch
        {
            passed.append(self.heap.removeFirst().entrant)
        }
        return passed
    }

    /// Allocations and releases: stock goes down the line, to each order whose quantity is left.
    private func divide(
        _ line: [ContestBatch.Entrant], _ passed: [ContestBatch.Entrant], _ stock: Stock
    ) -> (allocated: [OrderID], released: [OrderID]) {
        var (allocated, released): ([OrderID], [OrderID]) = ([], [])
        var (left, kept) = (stock.pool, 0)
        var rest: [OrderID] = []
        for (place, entrant) in (line + passed).enumerated() {
            if stock.members[entrant.unit] != entrant.generation {
                released.append(entrant.order)  // Its ledger was replaced: no ledger can hold the stock.
            } else if !stock.isClosed, entrant.quantity <= left {
                left -= entrant.quantity
                allocated.append(entrant.order)
            } else if place < line.count || kept < self.book.terms.waitlist + stock.coming {
                // An order in the line keeps its place, even if the expected stock does not come.
                kept += 1
                rest.append(entrant.order)
            } else {
                released.append(entrant.order)
            }
        }
        // Items allocated now may return, too.
        let nothingCanReturn = allocated.isEmpty && stock.mayReturn == 0
        return (allocated, stock.isClosed || nothingCanReturn ? released + rest : released)
    }
}
