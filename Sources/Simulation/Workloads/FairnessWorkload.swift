package import TrancheCore

/// A contest without faults, at full speed. It counts the wrong winners.
///
/// The units, the merge and the clocks are the product's own. Only the checker knows the true time of each request.
package struct FairnessWorkload: Sendable {
    package struct Settings: Sendable {
        /// Requests per second of each region.
        package var perSecond = 2_000
        /// One-way delay of each region from the coordinator, in milliseconds.
        package var oneWayMilliseconds = [5, 40, 90]
        package var items = 300
        /// Errors of the clocks run from minus this over zero to plus this, in microseconds.
        package var offsetMicroseconds: Int64 = 0
        /// Whether round trips may falsify a clock; a unit with such a clock is restamped on receipt.
        package var checksClocks = false
        package var policy = ContestPolicy.stamp
        package init() {}
    }

    package struct Result: Sendable {
        package let won: Int
        /// Winners that a first-come order would not have picked.
        package let misallocated: Int
        /// Winners by region, and their number in a first-come order.
        package let wins: [Int]
        package let first: [Int]
        package let holdMilliseconds: [Double]
        package let forwarded: Int
    }

    private struct Arrival { let order: OrderID; let region: Int; let at: Int64 }

    private enum Event {
        case arrival(Int)
        case contestReport(Int)
        case report(Int, ContestReport, sentAt: Instant)
        case reply(Int, ContestReply, sentAt: Instant, received: Instant)
        case decide
        case committed(ContestBatch)
    }

    private struct Item: Comparable, Sendable {
        let at: Int64
        let number: Int
        static func < (left: Item, right: Item) -> Bool { (left.at, left.number) < (right.at, right.number) }
    }

    private struct Unit {
        var machine: UnitMachine
        var clock: HybridClock
        var check = ClockCheck()
        var intake: [BuyRequest] = []
        let offset: Int64
    }

    static let lot = LotID(1)
    static let opensAt = Instant(milliseconds: 1_700_000_000_000)
    /// Commit of a unit, and of the log, in microseconds; pauses between exchanges and between decisions.
    static let unitCommit: Int64 = 1_500
    static let logCommit: Int64 = 3_000
    static let reportEvery: Int64 = 8_000
    static let decideEvery: Int64 = 3_000

    private let settings: Settings
    private var random: SeededRandom
    private var heap = Heap<Item>()
    private var events: [Event] = []
    private var units: [Unit] = []
    private var merge: ContestMerge
    private var arrivals: [Arrival] = []
    private var pool: Int
    private var now: Int64 = 0
    private var winners: Set<OrderID> = []
    private var holds: [Double] = []
    private var passed = 0

    package static func run(seed: UInt64, _ settings: Settings) -> Result {
        var workload = FairnessWorkload(seed: seed, settings)
        return workload.run()
    }

    private init(seed: UInt64, _ settings: Settings) {
        self.settings = settings
        self.random = SeededRandom(seed: seed)
        self.pool = settings.items
        self.merge = ContestMerge(
            lot: Self.lot, book: ContestBook(terms: .init(policy: settings.policy, waitlist: 0)), now: Self.opensAt,
            tie: { World.tieKey($0) })
        let members = Dictionary(
            uniqueKeysWithValues: settings.oneWayMilliseconds.indices.map { (UnitID(UInt16($0 + 1)), Generation(1)) })
        self.merge.observe(
            .init(batches: 0, pool: self.pool, mayReturn: 0, isClosed: false, members: members))
        let middle = Int64(settings.oneWayMilliseconds.count - 1)
        for region in settings.oneWayMilliseconds.indices {
            let offset = middle == 0 ? 0 : settings.offsetMicroseconds * (2 * Int64(region) - middle) / middle
            self.units.append(Self.unit(region, offset: offset))
        }
        // A second for the units to join, then the crowd.
        let mean = 1_000_000 / Double(settings.perSecond)
        for region in settings.oneWayMilliseconds.indices {
            var at = 1_000_000.0
            while at < 1_600_000 {
                at += mean * self.random.exponential()
                self.arrivals.append(
                    Arrival(
                        order: OrderID(high: self.random.next(), low: self.random.next()), region: region, at: Int64(at)
                    ))
            }
        }
    }

    private static func unit(_ region: Int, offset: Int64) -> Unit {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        book.apply(.contended(Self.lot))
        let id = UnitID(UInt16(region + 1))
        var machine = UnitMachine(
            unit: id, ledger: LedgerID(UInt64(region) + 1), session: 1, book: book, head: .empty)
        var clock = HybridClock(durableCeiling: .zero)
        clock.raise(ceiling: Stamp(Self.opensAt.advanced(milliseconds: 60_000)))
        let rules = LotRules(
            lot: Self.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 1,
            paymentWindowMilliseconds: 600_000)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: id, generation: Generation(1),
            lots: [.init(lot: Self.lot, granted: 0, hint: nil, elsewhere: 0, contest: 0)],
            coordinator: CoordinatorAddress(epoch: Epoch(1), url: ""))
        var output = UnitOutput()
        for event: UnitMachine.Event in [
            .configured([rules]), .started, .surveyed(nil), .registered(.accepted(directives)),
        ] {
            machine.handle(event, now: Self.opensAt, into: &output)
        }
        return Unit(machine: machine, clock: clock, offset: offset)
    }

    // MARK: the run

    private mutating func push(_ event: Event, at: Int64) {
        self.heap.insert(Item(at: at, number: self.events.count))
        self.events.append(event)
    }

    private mutating func run() -> Result {
        for index in self.arrivals.indices { self.push(.arrival(index), at: self.arrivals[index].at) }
        for region in self.units.indices {
            self.push(.contestReport(region), at: Int64(self.random.number(0...Int(Self.reportEvery))))
        }
        self.push(.decide, at: 0)
        while self.heap.first != nil {
            let item = self.heap.removeFirst()
            guard item.at < 2_500_000 else { break }
            self.now = item.at
            self.step(self.events[item.number])
        }
        return self.judge()
    }

    private var wall: Instant { Instant(microseconds: Self.opensAt.microseconds + self.now) }

    /// The unit's clock: off by its error, and by a jitter of a third of it.
    private mutating func clock(_ region: Int) -> Instant {
        let jitter = Int(self.settings.offsetMicroseconds / 3)
        let error = self.units[region].offset + (jitter > 0 ? Int64(self.random.number(-jitter...jitter)) : 0)
        return Instant(microseconds: self.wall.microseconds + error)
    }

    private mutating func oneWay(_ region: Int) -> Int64 {
        Int64(self.settings.oneWayMilliseconds[region] * 1_000 + self.random.number(0...1_000))
    }

    private mutating func step(_ event: Event) {
        switch event {
        case .arrival(let index): self.arrive(self.arrivals[index], number: index)
        case .contestReport(let region): self.reportContest(region)
        case .report(let region, let report, let sentAt): self.report(region, report, sentAt)
        case .reply(let region, let reply, let sentAt, let received):
            let heard = self.clock(region)
            self.units[region].check.observe(
                .init(sent: sentAt, received: received, answered: received, heard: heard))
            self.feed(region, .contestReply(reply))
        case .decide:
            if let batch = self.merge.decide(now: self.wall) {
                self.push(.committed(batch), at: self.now + Self.logCommit)
            }
            self.push(.decide, at: self.now + Self.decideEvery)
        case .committed(let batch): self.commit(batch)
        }
    }

    private mutating func arrive(_ arrival: Arrival, number: Int) {
        let now = self.clock(arrival.region)
        guard let stamp = self.units[arrival.region].clock.stamp(now: now) else { return }
        self.units[arrival.region].intake.append(
            BuyRequest(
                Purchase(
                    order: arrival.order, buyer: BuyerID("b\(number)")!, lot: Self.lot, quantity: 1, issuedAt: now),
                stamp: stamp, ticket: UInt64(number)))
    }

    private mutating func reportContest(_ region: Int) {
        self.push(.contestReport(region), at: self.now + Self.reportEvery)
        let now = self.clock(region)
        let requests = self.units[region].intake
        self.units[region].intake = []
        let watermark = self.units[region].clock.watermark(now: now)
        self.feed(region, .requests(requests))
        self.feed(region, .stamped(upTo: watermark))
        for var report in self.feed(region, .contestReportDue) {
            let isUntrusted = self.units[region].check.state == .untrusted
            report.isTrusted = !(self.settings.checksClocks && isUntrusted)
            let delay = self.oneWay(region)
            self.push(.report(region, report, sentAt: now), at: self.now + Self.unitCommit + delay)
        }
    }

    /// - Returns: The unit's report to the coordinator.
    @discardableResult
    private mutating func feed(_ region: Int, _ event: UnitMachine.Event) -> [ContestReport] {
        var output = UnitOutput()
        let now = Instant(microseconds: self.wall.microseconds + self.units[region].offset)
        self.units[region].machine.handle(event, now: now, into: &output)
        let shell = ContestShell()
        output.carryOut(by: shell)
        return shell.reports
    }

    private mutating func report(_ region: Int, _ report: ContestReport, _ sentAt: Instant) {
        let now = self.wall
        for lot in report.lots {
            self.merge.receive(
                lot, from: report.unit, generation: report.generation, isTrusted: report.isTrusted, now: now)
            let answer = self.merge.reply(
                to: report.unit, generation: report.generation, heard: lot.heard, now: now)
            let delay = self.oneWay(region)
            let reply = ContestReply(epoch: report.epoch, generation: report.generation, lots: [answer])
            self.push(.reply(region, reply, sentAt: sentAt, received: now), at: self.now + delay)
        }
    }

    private mutating func commit(_ batch: ContestBatch) {
        self.pool -= batch.allocated.count
        // There are no payments and no cancellations here: outstanding stock may return at any time.
        self.merge.committed(batch.number, pool: self.pool, coming: 0, mayReturn: self.settings.items)
        self.winners.formUnion(batch.allocated)
        let allocated = Set(batch.allocated)
        self.passed += batch.passed.count
        for entrant in batch.passed where allocated.contains(entrant.order) {
            self.holds.append(Double(self.wall.microseconds - entrant.stamp.instant.microseconds) / 1_000)
        }
    }

    private func judge() -> Result {
        let order = self.arrivals.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        let first = order.prefix(self.winners.count)
        let firstOrders = Set(first.map(\.order))
        let wins = self.units.indices.map { region in
            self.arrivals.count { $0.region == region && self.winners.contains($0.order) }
        }
        return Result(
            won: self.winners.count, misallocated: self.winners.subtracting(firstOrders).count, wins: wins,
            first: self.units.indices.map { region in first.count { $0.region == region } },
            holdMilliseconds: self.holds, forwarded: self.passed)
    }
}

/// A unit whose ledger takes everything, and which only reports to the coordinator.
private final class ContestShell: UnitShell {
    var reports: [ContestReport] = []
    func send(_ steps: JoinedSteps) {}
    func commit(_ entries: [LedgerEntry]) throws(Never) {}
    func publish(_ publications: ArraySlice<Publication>) {}
    func perform(_ effect: UnitEffect) { if case .contestReport(let report) = effect { self.reports.append(report) } }
}
