import TrancheAPI
import TrancheCore

/// The contest of one lot, recounted from the authority log.
struct ContestEvidence {
    struct Decided {
        let entrant: ContestBatch.Entrant
        /// By the coordinator's clock.
        let at: Instant
        /// Whether the order got stock when it passed, later, or never.
        var allocatedAt: Instant?
        /// When the order left the line, with stock or without.
        var endedAt: Instant?
    }
    let lot: LotID
    let terms: ContestTerms
    /// Items in the pool when the contest began. The units returned what they held shortly after.
    let poolAtSwitch: Int
    /// Orders that got stock, in the order of the log.
    private(set) var winners: [ContestBatch.Entrant] = []
    /// Orders that got a place, in the order of the log.
    private(set) var passed: [Decided] = []
    private(set) var excluded: [UnitID: Int] = [:]
    private(set) var batches: UInt64 = 0
    /// Findings by invariant.
    private(set) var findings: [String: [String]] = [:]
    private var index: [OrderID: Int] = [:]
    private var line: [ContestBatch.Entrant] = []
    private var frontier = Place.zero

    init(lot: LotID, terms: ContestTerms, pool: Int) {
        self.lot = lot
        self.terms = terms
        self.poolAtSwitch = pool
    }

    private mutating func addFinding(_ invariant: String, _ detail: String) {
        if self.findings[invariant, default: []].count < 5 {
            self.findings[invariant, default: []].append("lot \(self.lot): \(detail)")
        }
    }

    /// - Parameters:
    ///   - pool: Items in the pool before the batch.
    ///   - current: The current generation of each unit.
    /// - Returns: The orders that got stock.
    mutating func take(
        _ batch: ContestBatch, pool: Int, current: [UnitID: Generation]
    ) -> [ContestBatch.Entrant] {
        if batch.number != self.batches + 1 { self.addFinding("I6", "batch \(batch.number) after \(self.batches)") }
        self.batches = batch.number
        for unit in current.keys where !batch.waited.contains(unit) { self.excluded[unit, default: 0] += 1 }
        for entrant in batch.passed { self.pass(entrant, at: batch.at) }
        let line = self.line + batch.passed
        let (allocated, released) = (Set(batch.allocated), Set(batch.released))
        let winners = line.filter { allocated.contains($0.order) }
        if winners.map(\.order) != batch.allocated {
            self.addFinding("I9", "batch \(batch.number) gives stock to an order that is not next in the line")
        }
        let given = winners.reduce(0) { $0 + $1.quantity }
        if given > pool { self.addFinding("I1", "batch \(batch.number) gives \(given), the pool has \(pool)") }
        if !self.isInOrder(line.filter { current[$0.unit] == $0.generation }, batch.allocated, given, pool) {
            self.addFinding("I10", "batch \(batch.number) skips an order in the line")
        }
        for order in batch.allocated + batch.released {
            guard let place = self.index[order] else { continue }
            if allocated.contains(order) { self.passed[place].allocatedAt = batch.at }
            self.passed[place].endedAt = batch.at
        }
        self.winners += winners
        self.judgeReleases(batch, current)
        self.line = line.filter { !allocated.contains($0.order) && !released.contains($0.order) }
        return winners
    }

    /// All orders leave the line without stock when no stock can return or the sale is over. Otherwise only a newcomer
    /// does, when the line is full.
    private mutating func judgeReleases(_ batch: ContestBatch, _ current: [UnitID: Generation]) {
        let (allocated, released) = (Set(batch.allocated), Set(batch.released))
        let newcomers = Set(batch.passed.map(\.order))
        let left = (self.line + batch.passed).count {
            !allocated.contains($0.order) && !released.contains($0.order)
        }
        guard left > 0 || !batch.allocated.isEmpty else { return }  // All orders were released.
        for entrant in self.line + batch.passed where released.contains(entrant.order) {
            guard current[entrant.unit] == entrant.generation else { continue }
            if !newcomers.contains(entrant.order) || left < self.terms.waitlist {
                self.addFinding("I10", "order \(entrant.order) was released while stock could still return")
            }
        }
    }

    private mutating func pass(_ entrant: ContestBatch.Entrant, at: Instant) {
        // The lottery departs from the order of stamps within its band only.
        let band: Int64 = if case .bandLottery(let band) = self.terms.policy { 2 * band } else { 0 }
        let limit = entrant.place.stamp.instant.microseconds + band
        if entrant.place < self.frontier, limit < self.frontier.stamp.instant.microseconds || band == 0 {
            self.addFinding("I9", "order \(entrant.order) has a place before one that was passed earlier")
        }
        if self.terms.policy == .stamp, !entrant.isLate, entrant.place.stamp != entrant.stamp {
            self.addFinding("I9", "order \(entrant.order) was on time, but has not the place of its stamp")
        }
        self.frontier = max(self.frontier, entrant.place)
        self.index[entrant.order] = self.passed.count
        self.passed.append(Decided(entrant: entrant, at: at))
    }

    /// Stock goes down the line, to each order whose quantity is left. The coordinator may have known less stock.
    private func isInOrder(_ line: [ContestBatch.Entrant], _ allocated: [OrderID], _ given: Int, _ pool: Int) -> Bool {
        (given...max(given, min(pool, given + Limits.quantityPerOrder))).contains { known in
            var left = known
            var next = 0
            for entrant in line where entrant.quantity <= left {
                left -= entrant.quantity
                guard next < allocated.count, allocated[next] == entrant.order else { return false }
                next += 1
            }
            return next == allocated.count
        }
    }

    /// Orders whose tie key is not the HMAC with the published secret.
    func falseTies(_ secret: String) -> [OrderID] {
        guard self.terms.policy != .arrival else { return [] }
        let tie = TieKey(secret: secret)
        return self.passed.map(\.entrant).filter { $0.place.tie != tie($0.order) }.map(\.order)
    }
}
