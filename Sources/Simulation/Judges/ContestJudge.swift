import TrancheCore

/// Judges the contest of one lot from the log alone: I9 and I10, with books of its own.
struct ContestJudge {
    let lot: LotID
    let waitlist: Int
    let closesAt: Instant
    private(set) var line: [ContestBatch.Entrant] = []
    private(set) var lastAllocated: [ContestBatch.Entrant] = []
    private var number: UInt64 = 0
    /// The highest place that was passed on time, and the highest one at all.
    private var frontier = Place.zero
    /// The frontier reached without waiting for a unit: only up to here may its requests be late.
    private var wentWithout: [UnitID: Place] = [:]
    private var seen: [OrderID: Generation] = [:]

    private var findings: [Violation] = []

    init(lot: LotID, waitlist: Int, closesAt: Instant) {
        self.lot = lot
        self.waitlist = waitlist
        self.closesAt = closesAt
    }

    private mutating func expect(_ holds: Bool, _ invariant: String, _ detail: @autoclosure () -> String) {
        if !holds { self.findings.append(Violation(invariant: invariant, detail: "lot \(self.lot): \(detail())")) }
    }

    /// - Parameters:
    ///   - pool: Items in the pool before the batch.
    ///   - current: The current generation of each unit.
    ///   - falsifiable: Units whose clock was wrong at some time: their requests may be late for this reason.
    mutating func take(
        _ batch: ContestBatch, pool: Int, unpaid: Int, current: [UnitID: Generation], falsifiable: Set<UnitID>
    ) -> [Violation] {
        self.findings = []
        let (last, before) = (self.number, self.frontier)
        self.expect(batch.number == last + 1, "I6", "batch \(batch.number) after \(last)")
        self.number = batch.number
        for entrant in batch.passed { self.pass(entrant, falsifiable) }
        for unit in current.keys where !batch.waited.contains(unit) {
            self.wentWithout[unit] = max(self.frontier, before)
        }
        let known = self.line
        self.divide(batch, pool: pool, current: current)
        self.release(batch, of: known, unpaid: unpaid, current: current)
        return self.findings
    }

    private mutating func pass(_ entrant: ContestBatch.Entrant, _ falsifiable: Set<UnitID>) {
        let (order, frontier) = (entrant.order, self.frontier)
        let isNew = self.seen[order].map { $0 < entrant.generation } ?? true
        self.seen[order] = entrant.generation
        self.expect(isNew, "I5", "order \(order) passed twice")
        self.expect(
            entrant.place >= frontier, "I9",
            "order \(order) at \(entrant.place) was put behind \(frontier), which is later")
        self.expect(entrant.place.tie == World.tieKey(order), "I9", "order \(order) has another tie key")
        if !entrant.isLate {
            self.expect(entrant.place.stamp == entrant.stamp, "I9", "order \(order) has not the place of its stamp")
        } else if !falsifiable.contains(entrant.unit) {
            let own = Place(stamp: entrant.stamp, tie: entrant.place.tie)
            let without = self.wentWithout[entrant.unit] ?? .zero
            self.expect(
                own < without, "I8",
                "order \(order) was late, but unit \(entrant.unit) was always waited for: a watermark was broken")
        }
        self.frontier = max(frontier, entrant.place)
    }

    /// An order that could still get stock is not released. Released are only newcomers when the line is full, and all
    /// orders when no stock can return or the sale is over.
    private mutating func release(
        _ batch: ContestBatch, of known: [ContestBatch.Entrant], unpaid: Int, current: [UnitID: Generation]
    ) {
        let released = Set(batch.released)
        let nothingCanReturn = batch.allocated.isEmpty && self.line.isEmpty && unpaid <= 0
        if batch.at >= self.closesAt || nothingCanReturn { return }
        let isFull = self.line.count >= self.waitlist
        for entrant in known + batch.passed where released.contains(entrant.order) {
            guard current[entrant.unit] == entrant.generation else { continue }  // Its ledger was replaced.
            let isNew = batch.passed.contains { $0.order == entrant.order && $0.generation == entrant.generation }
            self.expect(
                isNew && isFull, "I10", "order \(entrant.order) was released while \(unpaid) items may return")
        }
    }

    /// Stock goes down the line, to each order whose quantity is left; none is skipped.
    ///
    /// The coordinator may have known less stock than the pool then had, but not more.
    private mutating func divide(
        _ batch: ContestBatch, pool: Int, current: [UnitID: Generation]
    ) {
        let line = self.line + batch.passed
        let (allocated, released) = (Set(batch.allocated), Set(batch.released))
        self.lastAllocated = line.filter { allocated.contains($0.order) }
        let given = self.lastAllocated.reduce(0) { $0 + $1.quantity }
        self.expect(
            self.lastAllocated.map(\.order) == batch.allocated, "I9", "an order got stock that is not next in the line")
        self.expect(given <= pool, "I1", "\(given) given, \(pool) in the pool")
        for entrant in self.lastAllocated {
            self.expect(current[entrant.unit] == entrant.generation, "I1", "\(entrant.order) has no ledger any more")
        }
        // An order that was released without a ledger, or without stock to come, does not count as overtaken.
        let candidates = line.filter { current[$0.unit] == $0.generation || allocated.contains($0.order) }
        let isInOrder = (given...max(given, min(pool, given + 10))).contains { known in
            var left = known
            let fair = candidates.filter { entrant in
                guard entrant.quantity <= left else { return false }
                left -= entrant.quantity
                return true
            }
            return fair.map(\.order) == batch.allocated
        }
        self.expect(isInOrder, "I10", "batch \(batch.number) skips an order in the line")
        self.line = line.filter { !allocated.contains($0.order) && !released.contains($0.order) }
    }
}
