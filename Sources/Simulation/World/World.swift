import TrancheCore

/// A whole system in one thread and one seed: a center, two coordinators, units with their Redis and ledgers, buyers.
///
/// The machines are those of the product. Time, network, disks, Redis, clocks and buyers are simulated. The same seed,
/// commit and toolchain give the same digest.
package final class World {
    package struct Settings: Sendable {
        /// The protocol has no limit; more units only make a world slower.
        package static let unitsLimit = 8
        package var units = 3
        package var lots = 2
        package var stockPerLot = 40
        package var buyers = 120
        package var buyerLimit = 2
        package var faultsEndAtMilliseconds: Int64 = 6_000
        package var endAtMilliseconds: Int64 = 26_000
        /// A world that needs more events than this does not end.
        package var stepLimit = 120_000
        package var paymentWindowMilliseconds: Int64 = 1_500
        package init() {}

        /// Each seed gives a world of another size. Most worlds are small, because they are fast.
        init(random: inout SeededRandom) {
            self.units = 2 + random.index(weights: [6, 6, 3, 1, 1, 1, 1])
            self.lots = 1 + random.index(weights: [3, 5, 1])
            self.stockPerLot = random.number(20...60)
            self.buyers = random.number(60...160)
        }
    }

    package let settings: Settings
    let plant: Plant?
    var random: SeededRandom
    var profile: FaultProfile
    var queue = EventQueue()
    var now = Instant(milliseconds: 1_700_000_000_000)
    let start = Instant(milliseconds: 1_700_000_000_000)
    var checker: Checker
    var digest = Digest()
    package private(set) var steps = 0
    /// Receives every event of the run, for the trace of a failing seed.
    package var trace: ((String) -> Void)?
    /// Rare states that were reached, by name.
    package internal(set) var marks: [String: Int] = [:]
    var faultsAreOn = true

    var units = SimulatedUnits()
    var center: SimulatedCenter
    var network = SimulatedNetwork()
    var captures: [Capture] = []
    var coordinators = [SimulatedCoordinator(number: 0), SimulatedCoordinator(number: 1)]
    let contestStart: ContestStart
    let contestTerms: ContestTerms
    var buyers: [Buyer] = []
    var ticketCount: UInt64 = 0
    /// `nil` in a world in which no unit is added.
    var growth: Growth?
    /// `nil` in a world without a provider that is asked, and without a shop.
    var trade: Trade?
    /// The number of Redis processes started so far.
    var redisRuns: UInt64 = 1

    /// - Parameters:
    ///   - settings: `nil` draws the size of the world from the seed.
    ///   - grows: The last unit is no buyer's home at first: it is added while the sale runs.
    ///   - trades: Orders have a price, units ask a payment provider, and relays tell a shop.
    package init(
        seed: UInt64, settings: Settings? = nil, plant: Plant? = nil, grows: Bool = false, trades: Bool = false
    ) {
        self.plant = plant
        self.random = SeededRandom(seed: seed)
        self.profile = FaultProfile(random: &self.random)
        let drawn = Settings(random: &self.random)
        let settings = settings ?? drawn
        self.settings = settings
        plant?.provoke(&self.profile)
        let starts: [ContestStart] = [.never, .whenScarce, .whenScarce, .atShare(permille: 400), .fromTheStart]
        let start = starts[self.random.number(0...starts.count - 1)]
        let waitlist = self.random.number(0...20)
        self.contestStart = plant?.needsContest == true ? .fromTheStart : start
        self.contestTerms = ContestTerms(policy: plant == .orderByArrival ? .arrival : .stamp, waitlist: waitlist)
        self.checker = Checker(
            buyerLimit: settings.buyerLimit,
            closesAt: Instant(milliseconds: 1_700_000_000_000 + settings.endAtMilliseconds - 4_000))
        self.center = SimulatedCenter()
        if grows || plant?.needsGrowth == true { self.growth = Growth(seed: seed, settings) }
        if trades || plant?.needsTrade == true {
            self.trade = Trade(seed: seed)
            // An original pays back, and tells the shop, what its copy does, too: nothing is promised for both.
            self.profile.clones = false
        }
        for number in 1...settings.units {
            let id = UnitID(UInt16(number))
            let ledger = SimulatedLedger(
                id: LedgerID(self.random.next()), replacedLimit: self.plant == .replacedHeadsForgotten ? 0 : 3)
            self.units.add(SimulatedUnit(id: id, ledger: ledger))
        }
        self.prepare()
    }

    /// Runs to the end, or to the first violation.
    package func run() -> [Violation] {
        var end = self.start.advanced(milliseconds: self.settings.endAtMilliseconds)
        self.run(until: end)
        end = self.awaitTrade(from: end)
        let late = self.checker.violations.isEmpty ? self.lotsWithLateRedis : []
        if !late.isEmpty { self.run(until: end.advanced(milliseconds: UnitMachine.Settings.probeMilliseconds + 200)) }
        if self.checker.violations.isEmpty { self.judgeTheEnd(late: late.map { ($0.unit, $0.lot) }) }
        return self.checker.violations
    }

    func run(until end: Instant) {
        while let at = self.queue.nextAt, at <= end, self.checker.violations.isEmpty, let (_, event) = self.queue.pop()
        {
            self.now = at
            self.steps += 1
            self.digest.mix(at.microseconds)
            if let trace = self.trace { trace("\(at.milliseconds(since: self.start)) ms: \(event)") }
            self.step(event)
            let limit = self.settings.stepLimit * (self.trade == nil ? 1 : Trade.stepFactor)
            self.checker.live(self.steps < limit, "L2", "no rest after \(self.steps) steps")
        }
    }

    package var fingerprint: UInt64 { self.digest.value }

    /// Stock that buyers hold or have paid for at the end, in all lots.
    package var promised: Int { self.checker.promises.values.reduce(0) { $0 + $1.quantity } }

    func mark(_ name: String) { self.marks[name, default: 0] += 1 }

    func schedule(_ event: Event, afterMicroseconds delay: Int) {
        self.queue.push(event, at: Instant(microseconds: self.now.microseconds + Int64(delay)))
    }

    private func prepare() {
        self.startCenter()
        self.openSale()
        if self.settings.units == Settings.unitsLimit { self.mark("eight units") }
        for id in self.units.keys {
            self.schedule(.startUnit(id), afterMicroseconds: self.random.number(0...20_000))
        }
        self.schedule(.coordinatorTick(0), afterMicroseconds: 100_000)
        self.schedule(.coordinatorTick(1), afterMicroseconds: 130_000)
        self.schedule(.fault, afterMicroseconds: 1_000 * self.random.number(100...2_000))
        self.queue.push(.faultsEnd, at: self.start.advanced(milliseconds: self.settings.faultsEndAtMilliseconds))
        self.schedule(.settle, afterMicroseconds: 3_000_000)
        if self.trade != nil { self.schedule(TradeEvent.fault, afterMilliseconds: self.tradeDraw(200...3_000)) }
        if let growth { self.schedule(.addUnit, afterMicroseconds: growth.afterMicroseconds) }
        self.invite()
    }

    private func step(_ event: Event) {
        if let unit = self.runs(event), self.units[known: unit].pausedUntil > self.now {
            // A stopped process handles all its events when it wakes up.
            return self.queue.push(event, at: self.units[known: unit].pausedUntil)
        }
        if let (unit, session) = self.process(of: event), self.isFrozen(unit, session: session) {
            return self.schedule(event, afterMicroseconds: 20_000)
        }
        switch event {
        case .message(let message): self.deliver(message)
        case .unitTick(let unit, let session): self.tick(unit, session)
        case .unitReport(let unit, let session): self.reportDue(unit, session)
        case .registerTimeout(let unit, let session):
            guard let process = self.process(unit, session), !process.machine.isRegistered else { return }
            self.run(unit, process, .registrationFailed)
        case .redis(let unit, let session, let work): self.redis(unit, session, work)
        case .redisAnswer(let unit, let session, let answer): self.redisAnswered(unit, session, answer)
        case .startUnit(let unit): self.startUnit(unit)
        case .startCenter: self.startCenter()
        case .coordinatorTick(let number): self.coordinatorTick(number)
        case .contestTick(let number, let epoch): self.contestTick(number, epoch)
        case .contestReportTick(let unit, let session): self.contestReportTick(unit, session)
        case .intake(let unit, let session):
            guard let process = self.process(unit, session) else { return }
            self.takeIn(unit, process)
        case .buyer(let buyer, let step): self.act(buyer, step)
        case .callbackDue(let capture): self.call(back: capture)
        case .fault: self.drawFault()
        case .faultsEnd: self.endFaults()
        case .addUnit: self.addUnit()
        case .settle: self.settleStranded()
        case .trade(let event): self.handle(event)
        }
    }
}
