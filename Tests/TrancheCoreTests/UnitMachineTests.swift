import Testing
import TrancheCore

/// A unit's machine with a Redis that answers at once, and a ledger that takes everything.
final class Bench {
    var machine: UnitMachine
    var redis: [LotID: RedisLot] = [:]
    var entries: [LedgerEntry] = []
    var replies: [(request: BuyRequest, answer: Answer)] = []
    var others: [Answer] = []
    var reports: [UnitReport] = []
    var alarms: [String] = []
    var stops: [String] = []
    var registrations = 0
    /// Questions of the center that were answered.
    var answered: [UInt64] = []
    /// By a clock that never steps.
    var steady: Instant?
    var exchanges: [ContestReport] = []
    var now = Instant(milliseconds: 1_700_000_000_000)
    var count: UInt64 = 0

    static let lot = LotID(1)

    init(granted: Int, limit: Int = 2, windowMilliseconds: Int64 = 1_000, issued: Int? = nil) {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        self.machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        let rules = LotRules(
            lot: Self.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: limit,
            paymentWindowMilliseconds: windowMilliseconds, issued: issued)
        self.feed(.configured([rules]))
        self.feed(.started)
        self.feed(.surveyed(nil))
        self.feed(.registered(.accepted(self.directives(granted: granted))))
    }

    func directives(
        granted: Int, elsewhere: Int = 0, hint: ReclaimHint? = nil, epoch: UInt64 = 1, contest: Int? = nil
    ) -> QuotaDirectives {
        QuotaDirectives(
            epoch: Epoch(epoch), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Self.lot, granted: granted, hint: hint, elsewhere: elsewhere, contest: contest)],
            coordinator: CoordinatorAddress(epoch: Epoch(1), url: "c"))
    }

    /// The coordinator's word on the lot.
    func hear(_ verdicts: [(OrderID, Verdict.Kind)], next: Int, allowance: Int, from: Int = 0) {
        self.feed(.exchangeDue)
        let lot = ContestReply.Lot(
            lot: Self.lot, isTaken: true, next: next, allowance: allowance, from: from,
            verdicts: verdicts.map { Verdict(order: $0.0, kind: $0.1, generation: Generation(1)) }, fence: .zero,
            standings: nil, mayReturn: 0)
        self.feed(.exchanged(ContestReply(epoch: Epoch(1), generation: Generation(1), lots: [lot])))
    }

    func feed(_ event: UnitMachine.Event) {
        var actions: [UnitMachine.Action] = []
        self.machine.handle(event, now: self.now, steady: self.steady, into: &actions)
        for action in actions {
            switch action {
            case .append(let entry): self.entries.append(entry)
            case .call(let call):
                let result = self.redis[call.lot]?.handle(call) ?? .lost
                self.feed(.lotResult(lot: call.lot, fence: call.fence, result))
            case .prime(let prime):
                self.redis[prime.lot] = RedisLot(prime: prime)
                self.feed(.lotResult(lot: prime.lot, fence: prime.fence, .primed(RedisRun(rawValue: 1))))
            case .reply(let request, let answer): self.replies.append((request, answer))
            case .replyTo(_, let answer): self.others.append(answer)
            case .report(let report):
                self.reports.append(report)
                self.machine.reported(report.head)
            case .alarm(let text): self.alarms.append(text)
            case .stop(let reason): self.stops.append(reason)
            case .register: self.registrations += 1
            case .exchange(let report): self.exchanges.append(report)
            case .prove(_, let challenge, _): self.answered.append(challenge)
            case .changed, .setSoldOut, .survey, .recovered, .standing, .fence: break
            }
        }
    }

    /// One buyer's request, and the answer to it, if there is one.
    @discardableResult
    func buy(_ buyer: String, quantity: Int = 1, order: OrderID? = nil) -> Answer? {
        self.count += 1
        let request = BuyRequest(
            order: order ?? OrderID(high: self.count, low: self.count), buyer: BuyerID(buyer)!, lot: Self.lot,
            quantity: quantity, issuedAt: self.now, stamp: Stamp(rawValue: Stamp(self.now).rawValue + self.count),
            ticket: self.count)
        self.feed(.requests([request]))
        return self.replies.last { $0.request.ticket == request.ticket }?.answer
    }

    var counters: QuotaCounters { self.machine.book[Self.lot] }
}

extension Answer {
    var order: Order? { if case .order(let order) = self { order } else { nil } }
}

@Suite("Unit machine") struct UnitMachineTests {
    @Test("sells what it holds, then says sold out for good") func sells() {
        let bench = Bench(granted: 2)
        #expect(bench.buy("a")?.order?.state == .reserved)
        #expect(bench.buy("b")?.order?.state == .reserved)
        #expect(bench.buy("c") == .refused(.soldOut(requested: 1)))
        #expect(bench.counters == QuotaCounters(granted: 2, returned: 0, sold: 2, cancelled: 0))
        #expect(bench.entries.contains(.soldOut(Bench.lot)))
    }

    @Test("the same order id gets the same answer, accepted or refused") func repeats() {
        let bench = Bench(granted: 5, limit: 1)
        let first = OrderID(high: 70, low: 1)
        let answer = bench.buy("a", order: first)
        #expect(bench.buy("a", order: first) == answer)
        let second = OrderID(high: 70, low: 2)
        #expect(bench.buy("a", order: second) == .refused(.duplicate(held: 1, limit: 1)))
        bench.now = bench.now.advanced(milliseconds: 2_000)
        bench.feed(.tick)  // The first reservation expires, and the buyer holds nothing any more.
        #expect(bench.buy("a", order: second) == .refused(.duplicate(held: 1, limit: 1)))
        #expect(bench.buy("a", order: first)?.order?.state == .expired)
    }

    @Test("the limit counts items, and names what is held") func limits() {
        let bench = Bench(granted: 9, limit: 3)
        #expect(bench.buy("a", quantity: 2)?.order?.quantity == 2)
        #expect(bench.buy("a", quantity: 2) == .refused(.limitReached(requested: 2, held: 2, limit: 3)))
        #expect(bench.buy("a", quantity: 1)?.order?.quantity == 1)
        #expect(bench.buy("a", quantity: 4) == .refused(.invalidQuantity(4, limit: 3)))
    }

    @Test("an unpaid reservation expires, and its stock is sold again") func expires() {
        let bench = Bench(granted: 1)
        let order = bench.buy("a")!.order!
        bench.now = order.deadline
        bench.feed(.tick)
        #expect(bench.counters.cancelled == 1)
        #expect(bench.buy("b")?.order?.state == .reserved)
    }

    @Test("payment is idempotent; a late or second payment is listed for refund") func pays() {
        let bench = Bench(granted: 2)
        let order = bench.buy("a")!.order!
        let (payment, other) = (PaymentID("p1")!, PaymentID("p2")!)
        for _ in 0..<2 { bench.feed(.payment(order.id, payment: payment, ticket: 1)) }
        #expect(bench.others.map { $0.order?.state } == [.paid, .paid])
        #expect(bench.entries.filter { if case .confirmed = $0 { true } else { false } }.count == 1)
        bench.feed(.payment(order.id, payment: other, ticket: 1))
        #expect(bench.others.last == .refused(.alreadyPaid(order.id)))
        let late = bench.buy("b")!.order!
        bench.now = late.deadline
        for _ in 0..<2 { bench.feed(.payment(late.id, payment: payment, ticket: 1)) }
        #expect(bench.others.last == .refused(.paymentTooLate(late.id, state: .expired)))
        #expect(bench.machine.book.refunds.count == 2)
    }

    @Test("a payment for an order that the ledger does not know is kept, and has one outcome for ever")
    func strayPayment() {
        let bench = Bench(granted: 2)
        let (order, payment) = (OrderID(high: 0, low: 7), PaymentID("p1")!)
        for _ in 0..<2 { bench.feed(.payment(order, payment: payment, ticket: 1)) }
        #expect(bench.others.last == .refused(.unknownPayment(order)))
        #expect(bench.machine.book.refunds == [.init(order: order, payment: payment, reason: .unknownOrder)])
        // The same order is bought later, with its old token: the payment that is given back does not pay for it.
        #expect(bench.buy("a", order: order)?.order?.state == .reserved)
        bench.feed(.payment(order, payment: payment, ticket: 1))
        #expect(bench.others.last == .refused(.unknownPayment(order)))
        bench.feed(.payment(order, payment: PaymentID("p2")!, ticket: 1))
        #expect(bench.others.last?.order?.state == .paid)
    }

    @Test("only a reservation can be cancelled, and twice is once") func cancels() {
        let bench = Bench(granted: 2)
        let order = bench.buy("a")!.order!
        for _ in 0..<2 { bench.feed(.cancel(order.id, ticket: 1)) }
        #expect(bench.others.map { $0.order?.state } == [.cancelled, .cancelled])
        #expect(bench.counters.cancelled == 1)
        let paid = bench.buy("b")!.order!
        bench.feed(.payment(paid.id, payment: PaymentID("p")!, ticket: 1))
        bench.feed(.cancel(paid.id, ticket: 1))
        #expect(bench.others.last == .refused(.notCancellable(paid.id, state: .paid)))
    }

    @Test("repeated, late and stale directives change nothing") func follows() {
        let bench = Bench(granted: 3)
        for _ in 0..<3 { bench.feed(.directives(bench.directives(granted: 7, epoch: 2))) }
        bench.feed(.directives(bench.directives(granted: 5, epoch: 2)))
        bench.feed(.directives(bench.directives(granted: 50, epoch: 1)))
        #expect(bench.counters.granted == 7)
        #expect(bench.redis[Bench.lot]?.available == 7)
    }

    @Test("a reclaim is carried out once, and takes only what is free") func reclaims() {
        let bench = Bench(granted: 5)
        bench.buy("a")
        let hint = ReclaimHint(number: 4, keep: 1)
        for _ in 0..<3 { bench.feed(.directives(bench.directives(granted: 5, hint: hint))) }
        #expect(bench.counters == QuotaCounters(granted: 5, returned: 3, sold: 1, cancelled: 0))
        #expect(bench.redis[Bench.lot]?.available == 1)
        bench.feed(.reportDue(nonce: 1))
        #expect(bench.reports.last?.lots.first?.hintDone == 4)
    }

    @Test("requests that find the lot empty wait while more may come, and go first when it does") func starves() {
        let bench = Bench(granted: 0, windowMilliseconds: 60_000)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        #expect(bench.buy("a") == nil)
        #expect(bench.buy("b") == nil)
        bench.feed(.directives(bench.directives(granted: 1, elsewhere: 8)))
        #expect(bench.replies.map(\.request.buyer.rawValue) == ["a"])
        bench.now = bench.now.advanced(milliseconds: 2_500)
        bench.feed(.tick)
        #expect(bench.replies.last?.answer == .refused(.restocking))
    }

    @Test("a Redis that was emptied is rebuilt from the ledger") func rebuilds() {
        let bench = Bench(granted: 3)
        bench.buy("a")
        bench.redis = [:]
        #expect(bench.buy("b") == .refused(.recovering))
        #expect(bench.buy("b")?.order?.state == .reserved)
        #expect(bench.redis[Bench.lot]?.available == 1)
    }

    @Test("a Redis that went back is found by its sequence, and its word is not taken") func findsSetBack() {
        let bench = Bench(granted: 2)
        let old = bench.redis
        bench.buy("a")
        bench.buy("b")
        bench.redis = old
        #expect(bench.buy("c") == .refused(.recovering))
        #expect(bench.buy("c") == .refused(.soldOut(requested: 1)))
        #expect(bench.counters.sold == 2)
    }

    @Test("a Redis that lies about stock cannot make the ledger oversell") func guards() {
        let bench = Bench(granted: 1)
        let prime = LotPrime(
            lot: Bench.lot, fence: bench.redis[Bench.lot]!.fence, available: 50, holdings: [], ledger: LedgerID(3),
            witness: .empty)
        bench.redis[Bench.lot] = RedisLot(prime: prime)
        #expect(bench.buy("a")?.order?.state == .reserved)
        #expect(bench.buy("b") == .refused(.recovering))
        #expect(bench.machine.redisContradictions == 1)
        #expect(bench.counters.live == 1)
    }

    @Test("nothing is sold before somebody has vouched for the ledger") func waitsForVoucher() {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var actions: [UnitMachine.Action] = []
        machine.handle(.surveyed(nil), now: .distantPast, into: &actions)
        for _ in 0..<9 { machine.handle(.registrationFailed, now: .distantPast, into: &actions) }
        #expect(!machine.mayIssue, "neither the center nor Redis vouched")
        // A Redis that saw this very ledger vouches while the center is away: after some calls that failed, and if it is the
        // very process that the ledger knows.
        book.apply(.redis(RedisRun(rawValue: 5)))
        let head = LedgerHead(position: 4, digest: .init(high: 1, low: 2))
        let other = LedgerHead(position: 4, digest: .init(high: 9, low: 9))
        for (proof, run, failures, expected) in [
            (head, 5, 3, true), (head, 5, 2, false), (head, 6, 3, false), (other, 5, 3, false),
        ] {
            var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: head)
            let survey = RedisSurvey(
                ledger: LedgerID(3), witness: head, proof: proof, admitted: [], newestFence: 0,
                run: RedisRun(rawValue: UInt64(run)))
            machine.handle(.surveyed(survey), now: .distantPast, into: &actions)
            for _ in 0..<failures { machine.handle(.registrationFailed, now: .distantPast, into: &actions) }
            #expect(machine.mayIssue == expected, "\(proof), \(run), \(failures)")
        }
    }

    @Test("a process that the center does not know any more sells nothing until it is known again") func unvouched() {
        let bench = Bench(granted: 5)
        bench.feed(.registrationLost)
        #expect(!bench.machine.mayIssue)
        #expect(bench.buy("a") == .refused(.recovering))
        for _ in 0..<9 { bench.feed(.registrationFailed) }
        #expect(!bench.machine.mayIssue, "its generation may be settled: Redis has no word in that")
        bench.feed(.registered(.accepted(bench.directives(granted: 5))))
        #expect(bench.buy("b")?.order?.state == .reserved)
    }

    @Test("a process that finds another one alive waits, and never asks Redis instead") func waitsForTheLiving() {
        let bench = Bench(granted: 5)
        bench.feed(.registrationLost)
        for _ in 0..<9 { bench.feed(.registered(.occupied)) }
        #expect(!bench.machine.mayIssue)
        #expect(bench.alarms.count == 1 && bench.stops.isEmpty, "it says so once")
    }

    @Test("a center's witness of another history stops a machine that was set back with its memory") func setBack() {
        let bench = Bench(granted: 5)
        let heads = (1...3).map { LedgerHead(position: UInt64($0 * 10), digest: .init(high: UInt64($0), low: 0)) }
        for head in heads.prefix(2) {
            bench.feed(.committed(head))
            bench.feed(.reportDue(nonce: 1))
        }
        func hear(_ witness: LedgerHead) {
            let told = bench.directives(granted: 5)
            bench.feed(
                .directives(
                    QuotaDirectives(
                        epoch: told.epoch, unit: told.unit, generation: told.generation, lots: told.lots,
                        coordinator: told.coordinator, witness: witness)))
        }
        hear(heads[1])
        hear(heads[0])
        #expect(bench.stops.isEmpty, "what was reported, in any order")
        bench.feed(.reportDue(nonce: 2))
        #expect(bench.reports.last?.proves == 20, "the next report proves the newest one")
        hear(LedgerHead(position: 20, digest: .init(high: 99, low: 0)))
        #expect(bench.stops.count == 1, "the same place with another history")
        let ahead = Bench(granted: 5)
        ahead.feed(.committed(heads[0]))
        let told = ahead.directives(granted: 5)
        ahead.feed(
            .directives(
                QuotaDirectives(
                    epoch: told.epoch, unit: told.unit, generation: told.generation, lots: told.lots,
                    witness: heads[2])))
        #expect(ahead.stops.count == 1, "the center has seen more than there is")
    }

    @Test("one answer per question and attempt: repeated questions draw no repeated answers") func questions() {
        let bench = Bench(granted: 3)
        bench.feed(.registrationLost)
        for challenge: UInt64 in [7, 7, 8, 8, 8] {
            bench.feed(.registered(.proofRequired(position: 0, challenge: challenge, earlier: [])))
        }
        #expect(bench.answered == [7, 8])
    }
    @Test("what is said to a ledger that nobody vouches for is not heard, and is no alarm") func unheard() {
        let bench = Bench(granted: 3, issued: 10)
        bench.feed(.registrationLost)
        // The ledger was set back, perhaps: what it gave back since then it does not know.
        bench.feed(.directives(bench.directives(granted: 11)))
        bench.feed(.directives(bench.directives(granted: 9)))
        #expect(bench.counters.granted == 3)
        #expect(bench.alarms.isEmpty)
        bench.feed(.registered(.accepted(bench.directives(granted: 9))))
        #expect(bench.counters.granted == 9)
    }
    @Test("grants above the issue and jumps of epochs are not believed") func disbelieves() {
        let bench = Bench(granted: 3, issued: 10)
        bench.feed(.directives(bench.directives(granted: 11)))
        #expect(bench.counters.granted == 3)
        bench.feed(.directives(bench.directives(granted: 10)))
        #expect(bench.counters.granted == 10)
        bench.feed(.directives(bench.directives(granted: 10, epoch: 1 << 40)))
        #expect(bench.machine.epoch == Epoch(1))
        bench.feed(.directives(bench.directives(granted: 10, epoch: 2)))
        #expect(bench.machine.epoch == Epoch(2))
        #expect(bench.alarms.count == 2)
    }

    @Test("whoever asks again and again with one token is one buyer of demand") func countsOrders() {
        let bench = Bench(granted: 0, windowMilliseconds: 60_000)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        for _ in 0..<5 {
            bench.buy("a", order: OrderID(high: 1, low: 1))
            bench.now = bench.now.advanced(milliseconds: 2_500)
            bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
            bench.feed(.tick)
        }
        bench.feed(.reportDue(nonce: 1))
        #expect(bench.reports.last?.lots.first?.offered == 1)
    }

    @Test("a wall clock that is set back stops no pause") func steadyPauses() {
        let bench = Bench(granted: 3)
        bench.redis = [:]
        bench.steady = bench.now.advanced(milliseconds: 60_000)
        bench.now = bench.now.advanced(milliseconds: -3_600_000)
        bench.feed(.tick)  // The silent Redis is probed, found empty, and primed again.
        #expect(bench.redis[Bench.lot] != nil)
        bench.feed(.registrationLost)
        bench.feed(.registrationFailed)
        let before = bench.registrations
        bench.steady = bench.steady?.advanced(milliseconds: 1_000)
        bench.feed(.tick)
        #expect(bench.registrations == before + 1, "the next attempt does not wait for the wall clock")
    }

    @Test("whoever waits for quota is answered when the process ends") func closes() {
        let bench = Bench(granted: 0)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        #expect(bench.buy("a") == nil)
        bench.feed(.closing)
        #expect(bench.replies.last?.answer == .refused(.restocking))
        #expect(bench.buy("b") == .refused(.restocking))
    }

    @Test("a ledger that was set back counts its incarnations again, and goes on above the fences in Redis")
    func fencesAboveRedis() {
        var book = UnitBook()
        for entry: LedgerEntry in [.opened(Incarnation(2)), .granted(Bench.lot, total: 3)] { book.apply(entry) }
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var actions: [UnitMachine.Action] = []
        let newest = UInt64(5) << 24 | 7
        let survey = RedisSurvey(
            ledger: LedgerID(3), witness: nil, proof: nil, admitted: [], newestFence: newest, run: RedisRun(rawValue: 1)
        )
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(2),
            lots: [.init(lot: Bench.lot, granted: 2, hint: nil, elsewhere: 0)])
        machine.handle(.surveyed(survey), now: .distantPast, into: &actions)
        machine.handle(.registered(.newGeneration(directives)), now: .distantPast, into: &actions)
        let fences = actions.compactMap { action -> UInt64? in
            if case .prime(let prime) = action { prime.fence } else { nil }
        }
        #expect(fences == [newest + 1])
    }

    @Test("whoever could not ask Redis refuses nobody from memory before the lot is primed") func recoversLotByLot() {
        var book = UnitBook()
        for entry: LedgerEntry in [.opened(Incarnation(1)), .granted(Bench.lot, total: 3)] { book.apply(entry) }
        func recoveries(_ actions: [UnitMachine.Action]) -> [LotID?] {
            actions.compactMap { if case .recovered(let lot) = $0 { .some(lot) } else { nil } }
        }
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var actions: [UnitMachine.Action] = []
        machine.handle(.surveyed(nil), now: .distantPast, into: &actions)
        #expect(recoveries(actions).isEmpty)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Bench.lot, granted: 3, hint: nil, elsewhere: 0)])
        machine.handle(.registered(.accepted(directives)), now: .distantPast, into: &actions)
        let fences = actions.compactMap { action -> UInt64? in
            if case .prime(let prime) = action { prime.fence } else { nil }
        }
        machine.handle(
            .lotResult(lot: Bench.lot, fence: fences[0], .primed(RedisRun(rawValue: 1))), now: .distantPast,
            into: &actions)
        #expect(recoveries(actions) == [Bench.lot])
        // Redis answered: everything it had is adopted at once.
        var other = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        actions = []
        let survey = RedisSurvey(
            ledger: nil, witness: nil, proof: nil, admitted: [], newestFence: 0, run: RedisRun(rawValue: 1))
        other.handle(.surveyed(survey), now: .distantPast, into: &actions)
        #expect(recoveries(actions) == [nil])
    }

    @Test("the queue of a lot has a limit, and one more is refused as overloaded") func limitsQueue() {
        let bench = Bench(granted: 5)
        var machine = bench.machine
        var actions: [UnitMachine.Action] = []
        // The first call takes a batch and is never answered: everything else waits.
        let room = Limits.requestsPerCall + Limits.waitingRequests
        let requests = (1...room + 3).map { number in
            BuyRequest(
                order: OrderID(high: 9, low: UInt64(number)), buyer: BuyerID("b\(number)")!, lot: Bench.lot,
                quantity: 1,
                issuedAt: bench.now, stamp: Stamp(rawValue: UInt64(number)), ticket: UInt64(number))
        }
        machine.handle(.requests(Array(requests.prefix(Limits.requestsPerCall))), now: bench.now, into: &actions)
        machine.handle(.requests(Array(requests.dropFirst(Limits.requestsPerCall))), now: bench.now, into: &actions)
        let refused = actions.compactMap { action -> Refusal? in
            if case .reply(_, .refused(let refusal)) = action { refusal } else { nil }
        }
        #expect(refused == Array(repeating: .overloaded(limit: Limits.waitingRequests), count: 3))
    }

    @Test("a replay of the entries gives the same book") func replays() {
        let bench = Bench(granted: 4)
        for buyer in ["a", "b", "c"] { bench.buy(buyer) }
        bench.feed(.cancel(OrderID(high: 2, low: 2), ticket: 1))
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        for entry in bench.entries { book.apply(entry) }
        #expect(book.accounts == bench.machine.book.accounts)
        #expect(book.orders == bench.machine.book.orders)
        #expect(book.heldByBuyer == bench.machine.book.heldByBuyer)
    }
}
