import Testing
import TrancheCore

@Suite("A unit in a contest") struct ContestUnitTests {
    static func order(_ number: UInt64) -> OrderID { OrderID(high: number, low: number) }

    /// A unit that has switched, with two of four items sold locally before.
    static func bench(allowance: Int = 3) -> Bench {
        let bench = Bench(granted: 4)
        bench.buy("a")
        bench.buy("b")
        bench.feed(.directives(bench.directives(granted: 4, contest: allowance)))
        return bench
    }

    @Test("the switch returns free stock, and requests get a place instead of stock")
    func switchReturnsStockAndGivesPlaces() {
        let bench = Self.bench()
        #expect(bench.counters.returned == 2)
        #expect(bench.counters.available == 0)
        let answer = bench.buy("c")
        #expect(answer?.order?.state == .contested)
        #expect(bench.machine.book.candidates(Bench.lot).map(\.order) == [Self.order(3)])
        #expect(bench.entries.contains(.contended(Bench.lot)))
    }

    @Test("only as many requests are forwarded as can still get stock or a place in the waitlist")
    func onlyPossibleWinnersAreForwarded() {
        let bench = Self.bench(allowance: 2)
        bench.buy("c")
        bench.buy("d")
        #expect(bench.buy("e") == .refused(.soldOut(requested: 1)))
        bench.feed(.stamped(upTo: Stamp(bench.now)))
        bench.feed(.contestReportDue)
        #expect(bench.contestReports.last?.lots.first?.candidates.count == 2)
    }

    @Test("a request for more than may be left does not take the place of a request for one")
    func largeRequestLeavesRoomForSmall() {
        let bench = Self.bench(allowance: 1)
        #expect(bench.buy("c", quantity: 2)?.order?.state == .contested)
        #expect(bench.buy("d", quantity: 1)?.order?.state == .contested)
        #expect(bench.buy("e", quantity: 1) == .refused(.soldOut(requested: 1)))
    }

    @Test("watermarks continue while a sale warms up or is paused, and end with the sale")
    func watermarksLastUntilSaleEnds() {
        let bench = Self.bench()
        #expect(bench.machine.contestReportMilliseconds.map { $0 < 100 } == true)
        for (phase, isFast) in [(LotRules.Phase.paused, true), (.closed, false)] {
            bench.feed(
                .configured([
                    LotRules(
                        lot: Bench.lot, phase: phase, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                        paymentWindowMilliseconds: 1_000)
                ]))
            #expect(bench.machine.contestReportMilliseconds.map { $0 < 100 } == isFast)
        }
    }

    @Test("a buyer's limit counts what is contested") func contestedItemsCountForLimit() {
        let bench = Self.bench()
        #expect(bench.buy("a", quantity: 1)?.order?.state == .contested)  // One held, one contested: two in all.
        #expect(bench.buy("a", quantity: 1) == .refused(.duplicate(held: 2, limit: 2)))
    }

    @Test("repeated allocations make one reservation") func allocationReservesOnce() {
        let bench = Self.bench()
        bench.buy("c")
        for _ in 0..<2 { bench.hear([(Self.order(3), .allocated)], next: 1, allowance: 3) }
        #expect(bench.machine.book.orders[Self.order(3)]?.state == .reserved)
        #expect(bench.counters.allocated == 1)
        #expect(bench.counters.live == 3)
        #expect(bench.counters.isSound)
    }

    @Test("a released order is sold out for good") func releasedOrderIsSoldOut() {
        let bench = Self.bench()
        bench.buy("c")
        bench.hear([(Self.order(3), .released)], next: 1, allowance: 3)
        #expect(bench.buy("c", order: Self.order(3)) == .refused(.soldOut(requested: 1)))
    }

    @Test("stock for a cancelled order is returned") func stockOfCancelledOrderIsReturned() {
        let bench = Self.bench()
        bench.buy("c")
        bench.feed(.cancel(Self.order(3), ticket: 1))
        bench.hear([(Self.order(3), .allocated)], next: 1, allowance: 3)
        #expect(bench.machine.book.orders[Self.order(3)]?.state == .cancelled)
        #expect(bench.counters.allocated == 1)
        #expect(bench.counters.returned == 3)
        #expect(bench.counters.available == 0)
    }

    @Test("the stock of an expired reservation is returned, and not sold to a new request")
    func expiredContestedStockIsReturned() {
        let bench = Self.bench()
        bench.now = bench.now.advanced(milliseconds: 2_000)
        bench.feed(.tick)
        #expect(bench.counters.cancelled == 2)
        #expect(bench.counters.returned == 4)
        #expect(bench.buy("z")?.order?.state == .contested)
    }

    @Test("candidates that the coordinator has not received are sent again") func untakenCandidatesAreSentAgain() {
        let bench = Self.bench()
        bench.buy("c")
        bench.feed(.contestReportDue)
        bench.feed(.contestReportDue)
        #expect(bench.contestReports.map { $0.lots[0].candidates.count } == [1, 0])
        let lot = ContestReply.notTaken(Bench.lot)
        bench.feed(.contestReply(ContestReply(epoch: Epoch(1), generation: Generation(1), lots: [lot])))
        bench.feed(.contestReportDue)
        #expect(bench.contestReports.last?.lots[0].candidates.count == 1)
    }

    @Test("a restarted unit asks for its allowance before it refuses a request, and continues its queue")
    func restartedUnitAsksBeforeRefusing() {
        let bench = Self.bench()
        bench.buy("c")
        var book = bench.machine.book
        book.apply(.opened(Incarnation(2)))
        bench.machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 10, book: book, head: .empty)
        let rules = LotRules(
            lot: Bench.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
            paymentWindowMilliseconds: 1_000)
        bench.feed(.configured([rules]))
        bench.feed(.started)
        bench.feed(.surveyed(nil))
        bench.feed(.registered(.accepted(bench.directives(granted: 4, contest: 9))))
        #expect(bench.buy("d") == nil)  // It waits: the unit does not know yet how many can still win.
        bench.feed(.contestReportDue)
        #expect(bench.contestReports.last?.lots[0].candidates.map(\.order) == [Self.order(3)])
        bench.hear([], next: 1, allowance: 3)
        #expect(bench.replies.last?.answer.order?.state == .contested)
    }

    @Test("a lot joins the contest beside its last local step, and the step's order stays local")
    func lastLocalStepDoesNotDelayTheContest() throws {
        let bench = Bench(granted: 4)
        bench.redisAnswers = false
        bench.buy("a")
        let fence = try #require(bench.steps.last?.fence)
        #expect(bench.buy("b") == nil, "it waits for the step")
        bench.feed(.directives(bench.directives(granted: 4, contest: 3)))
        #expect(bench.replies.map { $0.answer.order?.state } == [.contested], "and enters the contest")
        #expect(bench.counters.returned == 3)
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .stepped))
        #expect(bench.replies.map { $0.answer.order?.state } == [.contested, .reserved])
        bench.feed(.contestReportDue)
        #expect(bench.contestReports.last?.lots.map { $0.candidates.count } == [1])
    }
}
