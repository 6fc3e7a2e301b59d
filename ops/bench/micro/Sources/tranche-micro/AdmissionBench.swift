import TrancheCore

/// A unit that sells, without any IO: what the shells do between the machine, Redis and the ledger, done at once.
struct AdmissionBench {
    private static let run = RedisRun(rawValue: 1)
    private var machine: UnitMachine
    private var desk = FrontDesk()
    private var redis: RedisLot?
    private var head = LedgerHead(position: 1, digest: ChainDigest(high: 0, low: 1))

    init() {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        self.machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(1), session: 1, book: book, head: .empty)
        let rules = LotRules(
            lot: Benchmarks.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 1,
            paymentWindowMilliseconds: 60_000)
        self.desk.configure([rules])
        self.handle(.configured([rules]))
        self.handle(.started)
        self.handle(
            .surveyed(
                RedisSurvey(ledger: nil, witness: nil, proof: nil, admitted: [], newestFence: 0, run: Self.run)))
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Benchmarks.lot, granted: 1_000_000_000, hint: nil, elsewhere: 0)], coordinator: nil)
        self.handle(.registered(.accepted(directives)))
        precondition(self.machine.isPrimed(Benchmarks.lot), "the lot is not open")
    }

    mutating func admit(from first: Int, count: Int) {
        var requests: [BuyRequest] = []
        requests.reserveCapacity(count)
        for number in first..<(first + count) {
            let request = Benchmarks.request(number)
            let known = self.desk.answer(
                order: request.order, lot: request.lot, quantity: 1, issuedAt: request.issuedAt, now: Benchmarks.now)
            precondition(known == nil, "order \(number) is known")
            self.desk.admit(request.order)
            requests.append(request)
        }
        let sold = self.machine.book.orders.count
        self.handle(.requests(requests))
        precondition(self.machine.book.orders.count == sold + count, "not every request was admitted")
    }

    private mutating func handle(_ event: UnitMachine.Event) {
        var actions: [UnitMachine.Action] = []
        self.machine.handle(event, now: Benchmarks.now, into: &actions)
        var next = 0
        while next < actions.count {
            let action = actions[next]
            next += 1
            switch action {
            case .call(let call):
                // Redis says yes: its own work is not measured here.
                let result = LotResult.decided(
                    verdicts: Array(repeating: .admitted, count: call.requests.count), sequence: call.sequence + 1,
                    available: 1_000_000, taken: 0)
                self.machine.handle(
                    .lotResult(lot: call.lot, fence: call.fence, result), now: Benchmarks.now, into: &actions)
                self.head = LedgerHead(position: self.head.position + 1, digest: self.head.digest)
                self.machine.handle(.committed(self.head), now: Benchmarks.now, into: &actions)
            case .prime(let prime):
                self.machine.handle(
                    .lotResult(lot: prime.lot, fence: prime.fence, .primed(Self.run)), now: Benchmarks.now,
                    into: &actions)
            case .reply(let request, let answer):
                let copies = self.desk.publish(answer, to: request, now: Benchmarks.now)
                precondition(copies.isEmpty, "nobody sent a copy")
            case .changed(let order): self.desk.publish(order)
            case .setSoldOut(let lot, let value): self.desk.setSoldOut(lot, value)
            case .recovered(let lot): self.desk.recovered(lot)
            default: break
            }
        }
    }
}
