// How far the contest can go now, who gets stock, and who is sent away.

extension ContestMerge {
    /// Takes over what the center says of the lot. What was read before the last batch says nothing about the pool.
    package mutating func observe(_ stock: Stock) {
        let isFresh = self.pending == nil && stock.batches == self.book.batches
        let old = self.stock
        self.stock = stock
        // What was read earlier and came later may know of an older generation; generations never go down.
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
        // A center would refuse every further number.
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

    /// The batch is in the log: from now on it is told.
    ///
    /// - Parameters:
    ///   - pool: What is in the pool after it.
    ///   - coming: What units give back, read together with the pool: what has arrived there is not coming any more.
    ///   - mayReturn: What is out and not paid for after it.
    package mutating func committed(_ number: UInt64, pool: Int, coming: Int, mayReturn: Int) {
        guard let batch = self.pending, batch.number == number else { return }
        self.pending = nil
        self.book.apply(batch)
        for entrant in batch.passed { self.waiting[entrant.order] = nil }
        (self.stock.batches, self.stock.pool) = (number, pool)
        (self.stock.coming, self.stock.mayReturn) = (coming, mayReturn)
    }

    /// How far every unit that is waited for has come, and which these are.
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

    /// Takes everybody from the heap who has a final place now, in final order.
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

    /// Who gets stock and who is sent away: stock goes down the line, to each whose quantity is left.
    private func divide(
        _ line: [ContestBatch.Entrant], _ passed: [ContestBatch.Entrant], _ stock: Stock
    ) -> (allocated: [OrderID], released: [OrderID]) {
        var (allocated, released): ([OrderID], [OrderID]) = ([], [])
        var (left, kept) = (stock.pool, 0)
        var rest: [OrderID] = []
        for (place, entrant) in (line + passed).enumerated() {
            if stock.members[entrant.unit] != entrant.generation {
                released.append(entrant.order)  // Its ledger is gone: nobody could keep the stock for it.
            } else if !stock.isClosed, entrant.quantity <= left {
                left -= entrant.quantity
                allocated.append(entrant.order)
            } else if place < line.count || kept < self.book.terms.waitlist + stock.coming {
                // Who stands in the line already keeps the place, even if what they waited for does not come.
                kept += 1
                rest.append(entrant.order)
            } else {
                released.append(entrant.order)
            }
        }
        // What is allocated now may come back, too.
        let nothingCanReturn = allocated.isEmpty && stock.mayReturn == 0
        return (allocated, stock.isClosed || nothingCanReturn ? released + rest : released)
    }
}
