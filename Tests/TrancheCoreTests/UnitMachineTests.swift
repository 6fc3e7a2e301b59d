import Testing
import TrancheCore

@Suite("Unit machine") struct UnitMachineTests {
    @Test("a unit sells what it holds, then refuses as sold out for ever") func unitSellsWhatItHolds() {
        let bench = Bench(granted: 2)
        #expect(bench.buy("a")?.order?.state == .reserved)
        #expect(bench.buy("b")?.order?.state == .reserved)
        #expect(bench.buy("c") == .refused(.soldOut(requested: 1)))
        #expect(bench.counters == QuotaCounters(granted: 2, returned: 0, sold: 2, cancelled: 0))
        #expect(bench.entries.contains(.soldOut(Bench.lot)))
    }

    @Test("the same order id gets the same answer, accepted or refused") func sameOrderGetsSameAnswer() {
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

    @Test("the buyer's limit counts items, and the refusal names the items held") func limitCountsItems() {
        let bench = Bench(granted: 9, limit: 3)
        #expect(bench.buy("a", quantity: 2)?.order?.quantity == 2)
        #expect(bench.buy("a", quantity: 2) == .refused(.limitReached(requested: 2, held: 2, limit: 3)))
        #expect(bench.buy("a", quantity: 1)?.order?.quantity == 1)
        #expect(bench.buy("a", quantity: 4) == .refused(.invalidQuantity(4, limit: 3)))
    }

    @Test("an unpaid reservation expires, and its stock is sold again") func expiredStockIsSoldAgain() {
        let bench = Bench(granted: 1)
        let order = bench.buy("a")!.order!
        bench.now = order.deadline
        bench.feed(.tick)
        #expect(bench.counters.cancelled == 1)
        #expect(bench.buy("b")?.order?.state == .reserved)
    }

    @Test("payment is idempotent; a late or second payment is listed for refund") func paymentIsIdempotent() {
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

    @Test("a payment for an unknown order is kept for refund, and always has the same outcome")
    func strayPaymentIsKept() {
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

    @Test("only a reservation can be cancelled, and a repeated cancellation changes nothing")
    func onlyReservationCanBeCancelled() {
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

    @Test("requests that find the lot empty wait while more may come, and go first when it does")
    func waitingRequestsGoFirst() {
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

    @Test("repeated requests with one token count as one request of demand") func repeatedOrderIsOneDemand() {
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

    @Test("a request that waits for quota is answered when the process ends") func closingAnswersWaitingRequests() {
        let bench = Bench(granted: 0)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        #expect(bench.buy("a") == nil)
        bench.feed(.closing)
        #expect(bench.replies.last?.answer == .refused(.restocking))
        #expect(bench.buy("b") == .refused(.restocking))
    }

    @Test("the queue of a lot has a limit, and one more is refused as overloaded") func queueOfLotHasLimit() {
        let bench = Bench(granted: 1_000)
        var machine = bench.machine
        var output = UnitOutput()
        // The first step takes a batch and is never answered: everything else waits.
        let room = Limits.requestsPerStep + Limits.waitingRequests
        let requests = (1...room + 3).map { number in
            BuyRequest(
                Purchase(
                    order: OrderID(high: 9, low: UInt64(number)), buyer: BuyerID("b\(number)")!, lot: Bench.lot,
                    quantity: 1,
                    issuedAt: bench.now), stamp: Stamp(rawValue: UInt64(number)), ticket: UInt64(number))
        }
        machine.handle(.requests(Array(requests.prefix(Limits.requestsPerStep))), now: bench.now, into: &output)
        machine.handle(.requests(Array(requests.dropFirst(Limits.requestsPerStep))), now: bench.now, into: &output)
        #expect(Recorder(output).refusals == Array(repeating: .overloaded(limit: Limits.waitingRequests), count: 3))
    }

    @Test("waits count from the stamp to the decision, and a Redis that does not answer is no calm")
    func waitsAreMeasured()
        throws
    {
        let bench = Bench(granted: 1_000)
        bench.redisAnswers = false
        bench.buy("a")  // Decided at once; its step is never over.
        #expect(bench.machine.waitingRequests.total == 0)
        let atOnce = bench.machine.takeWaited(now: bench.now)
        #expect(atOnce == 0)
        for number in 0..<WaitingRequests.leastOfLot { bench.buy("b\(number)") }
        bench.now = bench.now.advanced(milliseconds: 40)
        let waiting = bench.machine.waitingRequests
        #expect(waiting.total == WaitingRequests.leastOfLot && waiting.byLot == [Bench.lot: waiting.total])
        let oldest = bench.machine.takeWaited(now: bench.now)
        #expect(oldest == 40_000)
        let step = try #require(bench.steps.last)
        bench.redisAnswers = true
        bench.feed(.redisResult(lot: step.lot, fence: step.fence, bench.redis.handle(step)))
        #expect(bench.machine.waitingRequests.total == 0)
        let decided = bench.machine.takeWaited(now: bench.now.advanced(milliseconds: 500))
        #expect(decided == 40_000, "how long they wait for their answers does not count")
        let nothing = bench.machine.takeWaited(now: bench.now)
        #expect(nothing == 0)
    }

    @Test("a replay of the entries gives the same book") func entryReplayGivesSameBook() {
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
