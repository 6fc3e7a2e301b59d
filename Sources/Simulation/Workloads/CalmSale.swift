import TrancheCore

/// A lot that is sold by many units without faults and without a contest, in steps of time.
///
/// Units, authority and rebalancer are the product's own. Redis and ledgers answer at once, messages take their delay, and
/// each buyer with a `restocking` answer repeats the request after a second.
struct CalmSale {
    struct Settings {
        let items: Int
        /// The first grant of each unit.
        let grants: [Int]
        /// One-way delay of each unit to the center, in milliseconds.
        let oneWayMilliseconds: [Int]
        var quantity = 1
        var buyerLimit = 1
    }

    static let stepMilliseconds: Int64 = 10
    static let stepsPerSecond = Int(1_000 / Self.stepMilliseconds)
    private static let lot = LotID(1)
    private static let opensAt = Instant(milliseconds: 1_700_000_000_000)

    private struct Unit {
        var machine: UnitMachine
        var head = LedgerHead.empty
        var redis = RedisModel()
        /// Buyers who repeat their request, by step.
        var returning: [Int: Int] = [:]
    }

    private enum Message {
        case report(UnitReport)
        case directives(QuotaDirectives)
    }

    private let settings: Settings
    private var units: [Unit] = []
    private var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
    private var rebalancer = Rebalancer()
    private var epoch = Epoch(0)
    private var underway: [Int: [(unit: Int, message: Message)]] = [:]
    private var orders: UInt64 = 0
    /// Steps since the opening.
    private(set) var steps = 0
    private(set) var sold = 0
    /// Requests with a final refusal.
    private(set) var refused = 0

    private var now: Instant { Self.opensAt.advanced(milliseconds: Int64(self.steps) * Self.stepMilliseconds) }
    var seconds: Double { Double(self.steps) / Double(Self.stepsPerSecond) }

    init(_ settings: Settings) {
        self.settings = settings
        var records: [AuthorityRecord] = []
        self.authority.takeOver(into: &records)
        try? self.authority.issue(Self.lot, quantity: settings.items, into: &records)
        for number in 1...settings.grants.count {
            let opened = LedgerEntry.opened(Incarnation(1))
            var book = UnitBook()
            book.apply(opened)
            let id = UnitID(UInt16(number))
            self.units.append(
                Unit(
                    machine: UnitMachine(
                        unit: id, ledger: LedgerID(UInt64(number)), session: UInt64(number), book: book, head: .empty)))
        }
        self.open()
    }

    /// Registers every unit and grants its part of the plan, as in the warm-up of a sale.
    private mutating func open() {
        let rules = LotRules(
            lot: Self.lot, phase: .open, opensAt: Self.opensAt.advanced(milliseconds: -1_000), closesAt: .distantFuture,
            buyerLimit: self.settings.buyerLimit, paymentWindowMilliseconds: 3_600_000)
        for index in self.units.indices {
            self.handle(index, .configured([rules]))
            self.handle(index, .started)
            // The first grant follows the first report. All this happens before the sale opens.
            self.handle(index, .reportDue(nonce: 1))
            for (unit, message) in self.underway.values.flatMap({ $0 }) { self.deliver(message, unit) }
            self.underway = [:]
            var records: [AuthorityRecord] = []
            _ = try? self.authority.grant(
                Self.lot, to: UnitID(UInt16(index + 1)), quantity: self.settings.grants[index], into: &records)
            let directives = self.authority.directives(for: UnitID(UInt16(index + 1)), now: self.now)
            self.handle(index, .directives(directives))
        }
        var records: [AuthorityRecord] = []
        if let epoch = try? self.authority.lead(url: "coordinator", now: self.now, into: &records) {
            self.epoch = epoch
        }
    }

    /// One step: messages arrive, and `fresh` buyers come to each unit.
    mutating func step(fresh: [Int]) {
        self.steps += 1
        for (unit, message) in self.underway.removeValue(forKey: self.steps) ?? [] { self.deliver(message, unit) }
        for index in self.units.indices {
            self.request(index, fresh: fresh[index])
            // As the engine does: a tick each 50 ms, a report each 200 ms.
            if (self.steps + index) % 5 == 0 { self.handle(index, .tick) }
            if (self.steps + index * 3) % 20 == 0 { self.handle(index, .reportDue(nonce: UInt64(self.steps))) }
        }
        if self.steps % 10 == 0 { self.rebalance() }
    }

    /// What each unit may still sell, as the authority has it.
    func held() -> [Int] {
        var held = self.units.map { _ in 0 }
        for sample in self.authority.samples(Self.lot, now: self.now) {
            held[Int(sample.unit.rawValue) - 1] = sample.available
        }
        return held
    }

    private mutating func request(_ index: Int, fresh: Int) {
        let count = fresh + (self.units[index].returning.removeValue(forKey: self.steps) ?? 0)
        guard count > 0 else { return }
        var requests: [BuyRequest] = []
        requests.reserveCapacity(count)
        for _ in 0..<count {
            self.orders += 1
            requests.append(
                BuyRequest(
                    Purchase(
                        order: OrderID(high: UInt64(index), low: self.orders), buyer: BuyerID("b\(self.orders)")!,
                        lot: Self.lot, quantity: self.settings.quantity, issuedAt: self.now), stamp: Stamp(self.now),
                    ticket: self.orders))
        }
        self.handle(index, .requests(requests))
    }

    private mutating func rebalance() {
        let samples = self.authority.samples(Self.lot, now: self.now)
        let pool = self.authority.book.lots[Self.lot]?.pool ?? 0
        let decisions = self.rebalancer.decide(Self.lot, pool: pool, samples: samples, now: self.now)
        var records: [AuthorityRecord] = []
        guard case .success(let touched) = self.authority.carryOut(decisions, by: self.epoch, into: &records) else {
            return
        }
        for unit in touched {
            self.send(.directives(self.authority.directives(for: unit, now: self.now)), Int(unit.rawValue) - 1)
        }
    }

    private mutating func send(_ message: Message, _ index: Int) {
        let steps = max(1, Int(Int64(self.settings.oneWayMilliseconds[index]) / Self.stepMilliseconds))
        self.underway[self.steps + steps, default: []].append((index, message))
    }

    private mutating func deliver(_ message: Message, _ index: Int) {
        switch message {
        case .directives(let directives): self.handle(index, .directives(directives))
        case .report(let report):
            var records: [AuthorityRecord] = []
            if case .directives(let directives) = self.authority.report(report, now: self.now, into: &records) {
                self.send(.directives(directives), index)
            }
        }
    }
}

// What a machine wants done, done at once.
extension CalmSale {
    /// Feeds a machine, and carries out its output: Redis and the ledger answer at once.
    private mutating func handle(_ index: Int, _ first: UnitMachine.Event) {
        var events = [first]
        var next = 0
        while next < events.count {
            var output = UnitOutput()
            self.units[index].machine.handle(events[next], now: self.now, into: &output)
            next += 1
            let shell = InstantShell()
            output.carryOut(by: shell)
            if shell.hasCommitted { self.commit(index) }
            for answer in shell.answers { self.count(answer, index) }
            for step in shell.steps {
                let result = self.units[index].redis.handle(step)
                events.append(.redisResult(lot: step.lot, fence: step.fence, result))
            }
            for effect in shell.effects { if let event = self.carryOut(effect, index) { events.append(event) } }
        }
    }

    /// The head of every ledger here at a position.
    private static func head(_ position: UInt64) -> LedgerHead {
        LedgerHead(position: position, digest: ChainDigest(high: 0, low: position))
    }

    private mutating func commit(_ index: Int) {
        self.units[index].head = Self.head(self.units[index].head.position + 1)
        self.units[index].machine.committed(self.units[index].head)
    }

    private mutating func count(_ answer: Answer, _ index: Int) {
        switch answer {
        case .order: self.sold += self.settings.quantity
        case .refused(let refusal):
            guard refusal.isTransient else {
                self.refused += 1
                return
            }
            self.units[index].returning[self.steps + Self.stepsPerSecond, default: 0] += 1
        }
    }

    /// - Returns: The result, at once.
    private mutating func carryOut(_ effect: UnitEffect, _ index: Int) -> UnitMachine.Event? {
        switch effect {
        case .nextRound: return .nextRound
        case .prime(let prime):
            let result = self.units[index].redis.handle(prime, run: RedisRun(rawValue: 1))
            return .redisResult(lot: prime.lot, fence: prime.fence, result)
        case .survey:
            return .surveyed(
                RedisSurvey(ledger: nil, witness: nil, run: RedisRun(rawValue: 1)))
        case .register(let request):
            var records: [AuthorityRecord] = []
            return .registered(self.authority.register(request, now: self.now, into: &records))
        case .report(var report):
            // The shell adds the ledger's own words: a report without a proof would strand the unit's quota.
            report.head = self.units[index].head
            report.proof = report.proves == 0 ? nil : Self.head(report.proves)
            self.units[index].machine.reported(report.head)
            self.send(.report(report), index)
            return nil
        case .prove, .contestReport, .fence, .archive, .alarm, .stop, .askProvider, .refund: return nil
        }
    }
}

/// Records the machine's output, for a workload whose Redis and ledger answer at once.
private final class InstantShell: UnitShell {
    private(set) var hasCommitted = false
    private(set) var answers: [Answer] = []
    private(set) var steps: [RedisStep] = []
    private(set) var effects: [UnitEffect] = []

    func send(_ steps: JoinedSteps) { self.steps += steps.steps }
    func commit(_ entries: [LedgerEntry]) throws(Never) { self.hasCommitted = true }
    func perform(_ effect: UnitEffect) { self.effects.append(effect) }
    func publish(_ publications: ArraySlice<Publication>) {
        for case .answer(_, let answer) in publications { self.answers.append(answer) }
    }
}
