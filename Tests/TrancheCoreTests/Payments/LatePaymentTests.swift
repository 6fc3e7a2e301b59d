import Testing
import TrancheCore

@Suite("Late payments") struct LatePaymentTests {
    /// An order that has expired, and its id.
    private func expired(_ bench: Bench) -> OrderID {
        let id = bench.buy("a")!.order!.id
        bench.wait(milliseconds: 1_000)
        #expect(bench.state(id) == .expired)
        return id
    }

    @Test("a late payment revives its order if there is stock, and is told after a step in Redis") func revived() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        let steps = bench.steps.count
        for _ in 0..<3 { #expect(bench.pay(id, "p", .eur(1_000))?.order?.state == .paid) }
        #expect(bench.steps.dropFirst(steps).filter { !$0.revivals.isEmpty }.map(\.after) == [0])
        #expect(bench.counters == QuotaCounters(granted: 1, returned: 0, sold: 2, cancelled: 1))
        #expect(bench.machine.book.held(by: BuyerID("a")!, lot: Bench.lot) == 1)
        #expect(bench.changed.last?.state == .paid)
        #expect(bench.due(id) == [])
        #expect(bench.buy("b") == .refused(.soldOut(requested: 1)))
        #expect(bench.replayed.orders == bench.machine.book.orders)
    }

    @Test("a late payment of more than the amount revives, and the rest is due back") func revivedAndMore() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        #expect(bench.pay(id, "p", .eur(1_500))?.order?.state == .paid)
        #expect(bench.due(id) == ["1 p 500 EUR overPaid"])
        #expect(bench.machine.book.money(of: id).kept(in: Currency("EUR")!) == 1_000)
    }

    @Test("without stock a late payment is due back, once") func noStock() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        #expect(bench.buy("b")?.order?.state == .reserved)
        for _ in 0..<3 { #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.paymentTooLate(id, state: .expired))) }
        #expect(bench.due(id) == ["1 p 1000 EUR orderOver"])
    }

    @Test("a late payment takes nothing from those who wait for quota") func lineGoesFirst() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        #expect(bench.buy("b")?.order?.state == .reserved)
        bench.feed(.directives(bench.directives(granted: 1, elsewhere: 9)))
        #expect(bench.buy("c", quantity: 2) == nil, "it waits")
        bench.feed(.directives(bench.directives(granted: 2, elsewhere: 8)))
        #expect(bench.machine.available(Bench.lot) == 1)
        #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.paymentTooLate(id, state: .expired)))
    }

    @Test("a late part is due back: only the whole amount revives") func part() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        #expect(bench.pay(id, "p", .eur(999)) == .refused(.paymentTooLate(id, state: .expired)))
        #expect(bench.due(id) == ["1 p 999 EUR orderOver"])
        #expect(bench.pay(id, "q", .eur(1_000))?.order?.state == .paid)
    }

    @Test("the buyer's limit counts for a revival") func limit() {
        let bench = Bench.selling(3, limit: 1)
        let id = self.expired(bench)
        #expect(bench.buy("a")?.order?.state == .reserved)
        #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.paymentTooLate(id, state: .expired)))
    }

    @Test("a cancelled order, a contended lot and a closed sale revive nothing") func neverRevived() {
        let bench = Bench.selling(2)
        let cancelled = bench.buy("c")!.order!.id
        bench.feed(.cancel(cancelled, ticket: 1))
        #expect(bench.pay(cancelled, "p", .eur(1_000)) == .refused(.paymentTooLate(cancelled, state: .cancelled)))
        let id = self.expired(bench)
        bench.feed(.directives(bench.directives(granted: 2, contest: 5)))
        #expect(bench.machine.isContended(Bench.lot))
        #expect(bench.pay(id, "q", .eur(1_000)) == .refused(.paymentTooLate(id, state: .expired)))
        let closed = Bench.selling(1)
        let late = self.expired(closed)
        closed.feed(
            .configured([
                LotRules(
                    lot: Bench.lot, phase: .closed, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                    paymentWindowMilliseconds: 1_000, price: .eur(1_000))
            ]))
        #expect(closed.pay(late, "p", .eur(1_000)) == .refused(.paymentTooLate(late, state: .expired)))
        #expect(closed.due(late) == ["1 p 1000 EUR orderOver"])
    }

    @Test("a copy of a late payment is not answered before the step in Redis either") func copies() {
        let bench = Bench.selling(2)
        let id = self.expired(bench)
        bench.redisAnswers = false
        bench.buy("b")
        let step = bench.steps.last!
        for _ in 0..<2 { #expect(bench.pay(id, "p", .eur(1_000)) == nil, "the lot's step is under way") }
        bench.feed(.redisResults(JoinedSteps([step]).lotResults(bench.redis.handle(JoinedSteps([step])))))
        #expect(bench.state(id) == .paid)
        #expect(bench.others == [.refused(.recovering)])
        let revival = bench.steps.last!
        #expect(revival.revivals.map(\.order) == [id])
        bench.feed(.redisResults(JoinedSteps([revival]).lotResults(bench.redis.handle(JoinedSteps([revival])))))
        #expect(bench.others.last?.order?.state == .paid)
        #expect(bench.due(id) == [])
    }

    @Test("a revival overtakes no buyer who waits for the lot's next step") func overtakesNobody() {
        let count = Limits.requestsPerStep + 1
        let bench = Bench.selling(count + 1)
        let id = self.expired(bench)
        bench.redisAnswers = false
        bench.buy("b")
        let step = bench.steps.last!
        for number in 0..<count { bench.buy("w\(number)") }
        #expect(bench.pay(id, "p", .eur(1_000)) == nil)
        bench.redisAnswers = true
        bench.feed(.redisResults(JoinedSteps([step]).lotResults(bench.redis.handle(JoinedSteps([step])))))
        #expect(bench.replies.last { $0.request.buyer.rawValue == "w\(count - 1)" }?.answer.order?.state == .reserved)
        #expect(bench.others == [.refused(.paymentTooLate(id, state: .expired))])
        #expect(bench.due(id) == ["1 p 1000 EUR orderOver"])
    }

    @Test("while Redis is away, a late payment that could revive has to be told again") func redisAway() {
        let bench = Bench.selling(1)
        let id = self.expired(bench)
        bench.redisAnswers = false
        #expect(bench.pay(id, "p", .eur(1_000)) == nil, "it waits for the step")
        #expect(bench.state(id) == .paid)
        #expect(bench.changed.last?.state == .expired, "nobody has heard of it")
        let step = bench.steps.last!
        bench.feed(.redisResult(lot: Bench.lot, fence: step.fence, .unreachable))
        #expect(bench.others.last == .refused(.recovering))
        bench.redisAnswers = true
        bench.wait(milliseconds: 300)
        #expect(bench.changed.last?.state == .paid, "the lot was primed with it")
        #expect(bench.pay(id, "p", .eur(1_000))?.order?.state == .paid)
        #expect(bench.due(id) == [])
    }
}
