/// Puts the contested requests of all units for one lot into one order, and gives them what is left.
///
/// Sans-IO. The coordinator feeds it reports; ``decide(now:)`` makes the next batch, which must be in the authority
/// log before anybody is told of it. If the log refuses the batch, or its answer is lost, the merge is thrown away and a
/// new one begins from the log.
///
/// A request passes when every unit has promised, by its watermark, that nothing earlier can come. No unit holds the
/// others back for longer than `holdMax`: whether it is silent, paused, or has a clock that lags behind, its requests
/// then go to the **late lane**, behind everything that has passed.
package struct ContestMerge: Sendable {
    package struct Settings: Sendable {
        /// How far the frontier stays behind the coordinator's clock at most, in milliseconds.
        package var holdMaxMilliseconds: Int64 = 500
        /// A clock that is further ahead than this is not believed, in milliseconds.
        package var maxOffsetMilliseconds: Int64 = 250
        package init() {}
    }

    /// What the coordinator knows of the lot beside the contest.
    package struct Stock: Hashable, Sendable, Codable {
        /// Batches that were in the log when this was read.
        package var batches: UInt64
        package var pool: Int
        /// Items that units give back: after the switch the pool takes a while to fill, and nobody may be sent away
        /// for want of what is on its way.
        package var coming: Int
        /// Items that are out and not paid for, anywhere.
        package var mayReturn: Int
        package var isClosed: Bool
        /// An operator has stopped the contest for now.
        package var isFrozen: Bool
        /// Units that sell the lot, with the generation that counts.
        package var members: [UnitID: Generation]
        package init(
            batches: UInt64, pool: Int, coming: Int = 0, mayReturn: Int, isClosed: Bool, isFrozen: Bool = false,
            members: [UnitID: Generation]
        ) {
            self.coming = coming
            self.isFrozen = isFrozen
            self.batches = batches
            self.pool = pool
            self.mayReturn = mayReturn
            self.isClosed = isClosed
            self.members = members
        }
    }

    struct Waiting: Comparable, Sendable {
        let entrant: ContestBatch.Entrant
        static func < (left: Waiting, right: Waiting) -> Bool {
            (left.entrant.place, left.entrant.order) < (right.entrant.place, right.entrant.order)
        }
    }

    struct Feed: Sendable {
        /// Candidates that may wait for an earlier one, and watermarks that may wait for candidates.
        static let earlyLimit = 65_536
        static let marksLimit = 256

        let generation: Generation
        var next = 0
        var early: [Int: Candidate] = [:]
        var marks: [(end: Int, watermark: Stamp)] = []
        var watermark = Stamp.zero
        var isTrusted = true
        /// Candidates that have no final place yet.
        var undecided = 0
        var allowance = 0
        var standingsAt = Instant.distantPast
    }

    package let lot: LotID
    package let settings: Settings
    /// What is in the log.
    package private(set) var book: ContestBook
    /// Requests that came too late for their place, or whose unit's clock was not believed.
    package private(set) var lateCount = 0
    package private(set) var pending: ContestBatch?
    private var feeds: [UnitID: Feed] = [:]
    var heap = Heap<Waiting>()
    private var waiting: [OrderID: Generation] = [:]
    private var frontier: Place
    private var arrivals: UInt64 = 0
    private var lastArrival: Stamp
    private let beganAt: Instant
    private var stock = Stock(batches: 0, pool: 0, mayReturn: 0, isClosed: false, members: [:])
    /// Whether it is known who takes part: nothing is decided before.
    private var hasObserved = false
    private let tie: @Sendable (OrderID) -> UInt64

    /// - Parameter tie: The tie key of an order.
    package init(
        lot: LotID, book: ContestBook, settings: Settings = Settings(), now: Instant,
        tie: @escaping @Sendable (OrderID) -> UInt64
    ) {
        self.lot = lot
        self.book = book
        self.settings = settings
        self.frontier = book.frontier
        self.lastArrival = book.frontier.stamp.next
        self.beganAt = now
        self.tie = tie
    }

    /// Requests that have no final place yet.
    package var waitingCount: Int { self.heap.count }

    // MARK: from units

    /// Takes a unit's report in, unless the center has not named the unit yet: then it has to send it again.
    package mutating func receive(
        _ report: ContestReport.Lot, from unit: UnitID, generation: Generation, isTrusted: Bool, now: Instant
    ) {
        guard self.hasObserved, self.stock.members[unit] == generation else { return }
        var feed = self.feeds[unit] ?? Feed(generation: generation)
        if generation > feed.generation { feed = Feed(generation: generation) }
        let limit = Stamp(now.advanced(milliseconds: self.settings.maxOffsetMilliseconds))
        feed.isTrusted = isTrusted && report.watermark <= limit
        let watermark = min(report.watermark, limit)
        feed.next = max(feed.next, report.base)
        feed.early = feed.early.filter { $0.key >= feed.next }
        for candidate in report.candidates where candidate.index >= feed.next && feed.early.count < Feed.earlyLimit {
            feed.early[candidate.index] = candidate
        }
        while let candidate = feed.early[feed.next], !self.isHeldUp(candidate, feed.generation) {
            feed.early[feed.next] = nil
            feed.next += 1
            if self.admit(candidate, unit, feed, now: now) { feed.undecided += 1 }
        }
        if feed.marks.count < Feed.marksLimit { feed.marks.append((report.end, watermark)) }
        for mark in feed.marks where mark.end <= feed.next { feed.watermark = max(feed.watermark, mark.watermark) }
        feed.marks.removeAll { $0.end <= feed.next }
        self.feeds[unit] = feed
    }

    /// The same order waits from an older generation of the ledger, and has to leave first.
    private func isHeldUp(_ candidate: Candidate, _ generation: Generation) -> Bool {
        guard generation > Generation(1) else { return false }
        return self.waiting[candidate.order].map { $0 < generation } == true
            || self.book.line.contains { $0.order == candidate.order && $0.generation < generation }
    }

    /// Gives a candidate its place among those who wait. Known ones are dropped: their verdict is in the log.
    private mutating func admit(_ candidate: Candidate, _ unit: UnitID, _ feed: Feed, now: Instant) -> Bool {
        guard !self.book.knows(candidate.order, feed.generation), self.waiting[candidate.order] == nil else {
            return false
        }
        self.waiting[candidate.order] = feed.generation
        var place = self.place(of: candidate, now: now)
        var isLate = false
        if self.book.terms.policy != .arrival,
            !feed.isTrusted || place < self.frontier || self.isAhead(candidate, now: now)
        {
            isLate = true
            self.lateCount += 1
            place = Place(stamp: max(Stamp(now), self.frontier.stamp.next), tie: place.tie)
        }
        self.heap.insert(
            Waiting(
                entrant: .init(
                    order: candidate.order, unit: unit, generation: feed.generation, quantity: candidate.quantity,
                    place: place, stamp: candidate.stamp, uncertainty: candidate.uncertainty, isLate: isLate)))
        return true
    }

    private func isAhead(_ candidate: Candidate, now: Instant) -> Bool {
        candidate.stamp > Stamp(now.advanced(milliseconds: self.settings.maxOffsetMilliseconds))
    }

    private mutating func place(of candidate: Candidate, now: Instant) -> Place {
        let tie = self.tie(candidate.order)
        switch self.book.terms.policy {
        case .stamp, .bandLottery: return Place(stamp: candidate.stamp, tie: tie)
        case .rounds(let milliseconds):
            let length = max(1, milliseconds) * 1_000
            let end = (candidate.stamp.instant.microseconds / length + 1) * length
            return Place(stamp: Stamp(Instant(microseconds: end)), tie: tie)
        case .arrival:
            // Two reports may be read in another order than they were timed: this one counts.
            self.arrivals += 1
            self.lastArrival = max(self.lastArrival, Stamp(now))
            return Place(stamp: self.lastArrival, tie: self.arrivals)
        }
    }

    // MARK: decisions

    /// Takes over what the center says of the lot. What was read before the last batch says nothing about the pool.
    package mutating func observe(_ stock: Stock) {
        let isFresh = self.pending == nil && stock.batches == self.book.batches
        let old = self.stock
        self.stock = stock
        self.hasObserved = true
        if !isFresh { (self.stock.pool, self.stock.mayReturn) = (old.pool, max(old.mayReturn, stock.mayReturn)) }
    }

    /// The next batch, or `nil` if nothing has changed or the last batch is not in the log yet.
    package mutating func decide(now: Instant) -> ContestBatch? {
        guard self.pending == nil, self.hasObserved, !self.stock.isFrozen else { return nil }
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
    ///   - mayReturn: What is out and not paid for after it.
    package mutating func committed(_ number: UInt64, pool: Int, mayReturn: Int) {
        guard let batch = self.pending, batch.number == number else { return }
        self.pending = nil
        self.book.apply(batch)
        for entrant in batch.passed { self.waiting[entrant.order] = nil }
        (self.stock.batches, self.stock.pool, self.stock.mayReturn) = (number, pool, mayReturn)
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
        let isHopeless = allocated.isEmpty && stock.mayReturn == 0
        return (allocated, stock.isClosed || isHopeless ? released + rest : released)
    }

    // MARK: to units

    /// The answer to a unit's report: what it has not heard of.
    package mutating func reply(
        to unit: UnitID, generation: Generation, heard: Int, now: Instant
    ) -> ContestReply.Lot {
        let verdicts = self.book.verdicts[unit] ?? []
        let from = min(max(0, heard), verdicts.count)
        let free = max(0, self.book.terms.waitlist + self.stock.coming - self.book.line.count)
        var feed = self.feeds[unit] ?? Feed(generation: Generation(0))
        // Whoever stands behind as many of the same unit as there is stock and room in the line cannot get anything.
        feed.allowance = max(
            feed.allowance, self.stock.isClosed ? 0 : feed.next - feed.undecided + self.stock.pool + free)
        var standings: [ContestReply.Standing]?
        if now.milliseconds(since: feed.standingsAt) >= 500, !self.book.line.isEmpty {
            feed.standingsAt = now
            standings = self.standings(of: unit)
        }
        if self.feeds[unit] != nil { self.feeds[unit] = feed }
        return ContestReply.Lot(
            lot: self.lot, isTaken: self.stock.members[unit] == generation && feed.generation == generation,
            next: feed.next,
            allowance: feed.allowance, from: from,
            verdicts: Array(verdicts[from...].prefix(Limits.verdictsPerReply)), fence: self.book.frontier.stamp,
            standings: standings, mayReturn: self.stock.mayReturn)
    }

    private func standings(of unit: UnitID) -> [ContestReply.Standing] {
        var ahead = 0
        var found: [ContestReply.Standing] = []
        for entrant in self.book.line {
            if entrant.unit == unit, found.count < Limits.waitlist {
                found.append(.init(order: entrant.order, ahead: ahead))
            }
            ahead += entrant.quantity
        }
        return found
    }
}
