/// Puts the contested requests of all units for one lot into one order, and allocates the remaining stock.
///
/// Sans-IO. The coordinator passes reports in; ``decide(now:)`` makes the next batch, which must be in the authority
/// log before any reply includes it. If the log refuses the batch, or its answer is lost, the coordinator discards the
/// merge and starts a new one from the log.
///
/// A request passes when every unit has promised, by its watermark, that no earlier request can come. No unit delays
/// the others for longer than `holdMax`: if it is silent, paused, or has a slow clock, its requests then go to the
/// **late lane**, behind all passed requests.
package struct ContestMerge: Sendable {
    package struct Settings: Sendable {
        /// The largest lag of the frontier behind the coordinator's clock, in milliseconds.
        package var holdMaxMilliseconds: Int64 = 500
        /// A clock that is further ahead than this is not trusted, in milliseconds.
        package var maxOffsetMilliseconds: Int64 = 250
        /// Requests of the contest after which no allowance is raised.
        package var requestsMax = Limits.contestedRequests
        package init() {}
    }

    /// The coordinator's state of the lot beside the contest.
    package struct Stock: Hashable, Sendable, Codable {
        /// Batches in the log when this was read.
        package var batches: UInt64
        package var pool: Int
        /// Items that units return. After the switch the pool takes a while to fill, and no order may be released while
        /// its stock is on the way.
        package var coming: Int
        /// Outstanding and unpaid items of all units.
        package var mayReturn: Int
        package var isClosed: Bool
        /// An operator has paused the contest.
        package var isFrozen: Bool
        /// Units that sell the lot, with their current generation.
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
        /// Candidates without a final place yet.
        var undecided = 0
        var allowance = 0
        var positionsAt = Instant.distantPast

        /// Applies the promises whose candidates have all arrived.
        mutating func settleMarks() {
            for mark in self.marks where mark.end <= self.next { self.watermark = max(self.watermark, mark.watermark) }
            self.marks.removeAll { $0.end <= self.next }
        }
    }

    package let lot: LotID
    package let settings: Settings
    /// The contest as the log has it.
    package internal(set) var book: ContestBook
    /// Requests that arrived too late for their place, or whose unit's clock was not trusted.
    package private(set) var lateCount = 0
    /// Requests with a stamp below a watermark that their unit had promised.
    package private(set) var brokenPromises = 0
    package internal(set) var pending: ContestBatch?
    var feeds: [UnitID: Feed] = [:]
    var heap = Heap<Waiting>()
    var waiting: [OrderID: Generation] = [:]
    /// Earlier verdicts than the book has, by unit: the last page that was fetched.
    var history: [UnitID: VerdictList] = [:]
    var frontier: Place
    private var arrivals: UInt64 = 0
    private var lastArrival: Stamp
    private var lastLate = Stamp.zero
    let beganAt: Instant
    var stock = Stock(batches: 0, pool: 0, mayReturn: 0, isClosed: false, members: [:])
    /// Whether the members are known; there is no decision before that.
    var hasObserved = false
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

    /// Takes a unit's report in. A unit that the center has not named yet must send its report again.
    package mutating func receive(
        _ report: ContestReport.Lot, from unit: UnitID, generation: Generation, isTrusted: Bool, now: Instant
    ) {
        guard self.hasObserved, self.stock.members[unit] == generation else { return }
        var feed = self.feeds[unit] ?? Feed(generation: generation)
        if generation > feed.generation { feed = Feed(generation: generation) }
        // A late report of an older generation: its indexes mean other candidates.
        guard generation == feed.generation else { return }
        let limit = Stamp(now.advanced(milliseconds: self.settings.maxOffsetMilliseconds))
        feed.isTrusted = isTrusted && report.watermark <= limit
        let watermark = min(report.watermark, limit)
        feed.next = max(feed.next, report.base)
        feed.early = feed.early.filter { $0.key >= feed.next }
        for candidate in report.candidates
        where candidate.index >= feed.next && candidate.index <= Limits.candidateIndex
            && feed.early.count < Feed.earlyLimit
        { feed.early[candidate.index] = candidate }
        while let candidate = feed.early[feed.next], !self.isHeldUp(candidate, feed.generation) {
            feed.settleMarks()  // Earlier promises bind this candidate.
            feed.early[feed.next] = nil
            feed.next += 1
            if self.enter(candidate, unit, feed, now: now) { feed.undecided += 1 }
        }
        if feed.marks.count < Feed.marksLimit { feed.marks.append((report.end, watermark)) }
        feed.settleMarks()
        self.feeds[unit] = feed
    }

    /// Whether the same order still waits from an older generation of the ledger: it must leave first.
    private func isHeldUp(_ candidate: Candidate, _ generation: Generation) -> Bool {
        guard generation > Generation(1) else { return false }
        return self.waiting[candidate.order].map { $0 < generation } == true
            || self.book.lined[candidate.order].map { $0.generation < generation } == true
    }

    /// Gives a candidate its place among the waiting ones. Known candidates are dropped: their verdict is in the log.
    private mutating func enter(_ candidate: Candidate, _ unit: UnitID, _ feed: Feed, now: Instant) -> Bool {
        let queue = ContestBook.Queue(unit: unit, generation: feed.generation)
        // An order stands in the line once, whoever sends it.
        guard !self.book.knows(candidate.order, of: queue, index: candidate.index),
            self.waiting[candidate.order] == nil, self.book.lined[candidate.order] == nil
        else { return false }
        self.waiting[candidate.order] = feed.generation
        var place = self.place(of: candidate, now: now)
        var isLate = false
        let isBroken = candidate.stamp <= feed.watermark
        if isBroken { self.brokenPromises += 1 }
        if self.book.terms.policy != .arrival,
            !feed.isTrusted || isBroken || place < self.frontier || self.isAhead(candidate, now: now)
        {
            isLate = true
            self.lateCount += 1
            // In order of receipt, each with its own stamp: late requests draw no lots.
            self.lastLate = max(Stamp(now), self.frontier.stamp.next, self.lastLate.next)
            place = Place(stamp: self.lastLate, tie: place.tie)
        }
        self.heap.insert(
            Waiting(
                entrant: .init(
                    order: candidate.order, unit: unit, generation: feed.generation, quantity: candidate.quantity,
                    place: place, stamp: candidate.stamp, uncertainty: candidate.uncertainty, isLate: isLate,
                    index: candidate.index)))
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
            let length = min(max(1, milliseconds), Limits.contestWindowMilliseconds) * 1_000
            let end = (candidate.stamp.instant.microseconds / length + 1) * length
            return Place(stamp: Stamp(Instant(microseconds: end)), tie: tie)
        case .arrival:
            // Reports may be processed in another order than they were timed: the order of processing counts.
            self.arrivals += 1
            self.lastArrival = max(self.lastArrival, Stamp(now))
            return Place(stamp: self.lastArrival, tie: self.arrivals)
        }
    }
}
