import TrancheCore

/// The admission of a unit without IO: Redis and the ledger answer at once.
final class AdmissionBench {
    private static let run = RedisRun(rawValue: 1)
    private var machine: UnitMachine
    private var desk = FrontDesk()
    private var redis: RedisModel?
    private var head = LedgerHead(position: 1, digest: ChainDigest(high: 0, low: 1))
    private var events: [UnitMachine.Event] = []

    /// - Parameter lots: Open lots of the unit. Requests ask for the first one.
    init(lots: UInt32 = 1) {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        self.machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(1), session: 1, book: book, head: .empty)
        let rules = (1...lots).map { lot in
            LotRules(
                lot: LotID(lot), phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 1,
                paymentWindowMilliseconds: 60_000)
        }
        precondition(rules[0].lot == Benchmarks.lot, "the first lot is not the one that requests ask for")
        self.desk.configure(rules)
        self.handle(.configured(rules))
        self.handle(.started)
        self.handle(.surveyed(RedisSurvey(ledger: nil, witness: nil, run: Self.run)))
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: (1...lots).map { .init(lot: LotID($0), granted: 1_000_000_000, hint: nil, elsewhere: 0) },
            coordinator: nil)
        self.handle(.registered(.accepted(directives)))
        precondition(self.machine.isPrimed(Benchmarks.lot), "the lot is not open")
    }

    func admit(from first: Int, count: Int) {
        var requests: [BuyRequest] = []
        requests.reserveCapacity(count)
        for number in first..<(first + count) {
            let request = Benchmarks.request(number)
            let known = self.desk.answer(to: request.purchase, now: Benchmarks.now)
            precondition(known == nil, "order \(number) exists already")
            self.desk.beginAdmission(request.order)
            requests.append(request)
        }
        let sold = self.machine.book.orders.count
        self.handle(.requests(requests))
        precondition(self.machine.book.orders.count == sold + count, "not every request was admitted")
    }

    private func handle(_ event: UnitMachine.Event) {
        self.events.append(event)
        var next = 0
        while next < self.events.count {
            var output = UnitOutput()
            self.machine.handle(self.events[next], now: Benchmarks.now, into: &output)
            next += 1
            output.carryOut(by: self)
        }
        self.events.removeAll(keepingCapacity: true)
    }
}

extension AdmissionBench: UnitShell {
    /// Answers in place of Redis, whose own work is not measured here.
    func send(_ steps: JoinedSteps) {
        for step in steps.steps { self.events.append(.redisResult(lot: step.lot, fence: step.fence, .stepped)) }
    }

    func commit(_ entries: [LedgerEntry]) throws(Never) {
        self.head = LedgerHead(position: self.head.position + 1, digest: self.head.digest)
        self.machine.committed(self.head)
    }

    func publish(_ publications: ArraySlice<Publication>) {
        _ = self.desk.learn(publications, now: Benchmarks.now)
    }

    func perform(_ effect: UnitEffect) {
        switch effect {
        case .nextRound: self.events.append(.nextRound)
        case .prime(let prime):
            self.events.append(.redisResult(lot: prime.lot, fence: prime.fence, .primed(Self.run)))
        default: break
        }
    }
}
