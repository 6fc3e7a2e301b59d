import TrancheCore

/// A whole Tranche in one thread and one seed: a center, a coordinator, units with their Redis and ledgers, buyers.
///
/// The machines are the very ones of the product. What is simulated is what is around them: time, network, disks,
/// Redis, clocks and people. Same seed, commit and toolchain: same digest.
package final class World {
    package struct Settings: Sendable {
        package var units = 3
        package var lots = 2
        package var stockPerLot = 40
        package var buyers = 120
        package var buyerLimit = 2
        package var faultsEndAtMilliseconds: Int64 = 6_000
        package var endAtMilliseconds: Int64 = 26_000
        /// A world that needs more events than this is going round in circles.
        package var stepLimit = 120_000
        package var paymentWindowMilliseconds: Int64 = 1_500
        package init() {}
    }

    enum Event {
        case message(Message)
        case unitTick(UnitID, session: UInt64)
        case unitReport(UnitID, session: UInt64)
        case registerTimeout(UnitID, session: UInt64)
        case redis(UnitID, session: UInt64, RedisWork)
        case redisAnswer(UnitID, session: UInt64, RedisAnswer)
        case startUnit(UnitID)
        case startCenter
        case coordinatorTick(Int)
        case contestTick(Int, Epoch)
        case exchangeTick(UnitID, session: UInt64)
        case intake(UnitID, session: UInt64)
        case buyer(Int, BuyerStep)
        case fault
        case faultsEnd
        case settle
    }
    enum Message {
        case register(RegisterRequest)
        case registerReply(UnitID, session: UInt64, RegisterReply)
        case report(UnitReport)
        case reportReply(UnitID, session: UInt64, ReportReply)
        case push(QuotaDirectives, delta: [LotID: Int])
        case fromCoordinator(Int, CoordinatorCall)
        case toCoordinator(Int, CenterWord)
        case contestReport(UnitID, session: UInt64, ContestReport, sentAt: Instant)
        case contestReply(UnitID, session: UInt64, ContestReply, sentAt: Instant, received: Instant)
        case buy(Int, BuyRequest)
        case answer(Int, BuyRequest, Answer)
        case pay(Int, OrderID, PaymentID)
        case cancel(Int, OrderID)
    }
    enum RedisWork { case call(LotCall), prime(LotPrime), survey }
    enum RedisAnswer { case lot(LotID, fence: UInt64, LotResult), survey(RedisSurvey?) }

    let settings: Settings
    let plant: Plant?
    var random: SeededRandom
    var profile: FaultProfile
    var queue = EventQueue()
    var now = Instant(milliseconds: 1_700_000_000_000)
    let start = Instant(milliseconds: 1_700_000_000_000)
    var checker: Checker
    var digest = Digest()
    package private(set) var steps = 0
    /// Hears every event of the run, for a failing seed's story.
    package var trace: ((String) -> Void)?
    /// Rare states that were reached, by name.
    package internal(set) var marks: [String: Int] = [:]
    var faultsAreOn = true

    var units: [UnitID: SimulatedUnit] = [:]
    var center: SimulatedCenter
    var coordinators = [SimulatedCoordinator(number: 0), SimulatedCoordinator(number: 1)]
    let contestStart: ContestStart
    let contestTerms: ContestTerms
    var buyers: [Buyer] = []
    var ticketCount: UInt64 = 0

    package init(seed: UInt64, settings: Settings = Settings(), plant: Plant? = nil) {
        self.settings = settings
        self.plant = plant
        self.random = SeededRandom(seed: seed)
        self.profile = FaultProfile(random: &self.random)
        if plant == .noHandshake { self.profile.backups = true }
        if plant == .redisTrusted { self.profile.redisFaults = true }
        let starts: [ContestStart] = [.never, .whenScarce, .whenScarce, .atShare(permille: 400), .fromTheStart]
        let start = starts[self.random.number(0...starts.count - 1)]
        let waitlist = self.random.number(0...20)
        self.contestStart = plant?.needsContest == true ? .fromTheStart : start
        self.contestTerms = ContestTerms(policy: plant == .orderByArrival ? .arrival : .stamp, waitlist: waitlist)
        self.checker = Checker(
            buyerLimit: settings.buyerLimit,
            closesAt: Instant(milliseconds: 1_700_000_000_000 + settings.endAtMilliseconds - 4_000))
        self.center = SimulatedCenter()
        for number in 1...settings.units {
            let id = UnitID(UInt16(number))
            self.units[id] = SimulatedUnit(id: id, ledger: SimulatedLedger(id: LedgerID(self.random.next())))
        }
        self.prepare()
    }

    /// Runs to the end, or to the first violation.
    package func run() -> [Violation] {
        let end = self.start.advanced(milliseconds: self.settings.endAtMilliseconds)
        while let (at, event) = self.queue.pop(), at <= end, self.checker.violations.isEmpty {
            self.now = at
            self.steps += 1
            self.digest.mix(at.microseconds)
            if let trace = self.trace { trace("\(at.milliseconds(since: self.start)) ms: \(event)") }
            self.step(event)
            self.checker.live(self.steps < self.settings.stepLimit, "L2", "no rest after \(self.steps) steps")
        }
        if self.checker.violations.isEmpty { self.judgeTheEnd() }
        return self.checker.violations
    }

    package var fingerprint: UInt64 { self.digest.value }

    /// Stock that buyers hold or have paid for at the end, all lots together.
    package var promised: Int { self.checker.promises.values.reduce(0) { $0 + $1.quantity } }

    func mark(_ name: String) { self.marks[name, default: 0] += 1 }

    func schedule(_ event: Event, afterMicroseconds delay: Int) {
        self.queue.push(event, at: Instant(microseconds: self.now.microseconds + Int64(delay)))
    }

    /// The network: it loses, repeats, delays and reorders.
    func send(_ message: Message) {
        if self.random.happens(permille: self.profile.lossPermille) { return }
        let copies = self.random.happens(permille: self.profile.duplicatePermille) ? 2 : 1
        for _ in 0..<copies {
            self.schedule(.message(message), afterMicroseconds: self.random.number(self.profile.delayMicroseconds))
        }
    }

    private func prepare() {
        self.startCenter()
        self.openSale()
        for id in self.units.keys.sorted() {
            self.schedule(.startUnit(id), afterMicroseconds: self.random.number(0...20_000))
        }
        self.schedule(.coordinatorTick(0), afterMicroseconds: 100_000)
        self.schedule(.coordinatorTick(1), afterMicroseconds: 130_000)
        self.schedule(.fault, afterMicroseconds: 1_000 * self.random.number(100...2_000))
        self.queue.push(.faultsEnd, at: self.start.advanced(milliseconds: self.settings.faultsEndAtMilliseconds))
        self.queue.push(.settle, at: self.start.advanced(milliseconds: self.settings.faultsEndAtMilliseconds + 5_000))
        self.invite()
    }

    private func step(_ event: Event) {
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
        case .exchangeTick(let unit, let session): self.exchangeTick(unit, session)
        case .intake(let unit, let session):
            guard let process = self.process(unit, session) else { return }
            self.takeIn(unit, process)
        case .buyer(let buyer, let step): self.act(buyer, step)
        case .fault: self.drawFault()
        case .faultsEnd: self.endFaults()
        case .settle: self.settleStranded()
        }
    }
}

/// Events in order of time, and of their insertion where times are equal.
struct EventQueue {
    private var heap: [(at: Instant, number: UInt64, event: World.Event)] = []
    private var count: UInt64 = 0

    mutating func push(_ event: World.Event, at: Instant) {
        self.count += 1
        self.heap.append((at, self.count, event))
        var place = self.heap.count - 1
        while place > 0, self.isBefore(place, (place - 1) / 2) {
            self.heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func pop() -> (Instant, World.Event)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return (first.at, first.event) }
        self.heap[0] = last
        var place = 0
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.heap.count {
                if self.isBefore(child, smallest) { smallest = child }
            }
            if smallest == place { return (first.at, first.event) }
            self.heap.swapAt(place, smallest)
            place = smallest
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (self.heap[left].at, self.heap[left].number) < (self.heap[right].at, self.heap[right].number)
    }
}
