import Testing
import TrancheCore

@Suite("Unit machine and its Redis") struct UnitMachineRedisTests {
    private static let first = OrderID(high: 70, low: 1)

    /// A unit with one order in the ledger, whose step in Redis got no answer yet.
    private func stepUnderway(granted: Int = 3) throws -> (Bench, fence: UInt64) {
        let bench = Bench(granted: granted)
        bench.redisAnswers = false
        #expect(bench.buy("a", order: Self.first) == nil)
        #expect(bench.counters.sold == 1, "the ledger has it")
        return (bench, try #require(bench.steps.last).fence)
    }

    @Test("an order is answered when Redis has its step, too") func answerWaitsForRedis() throws {
        let (bench, fence) = try self.stepUnderway()
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .stepped))
        #expect(bench.replies.last?.answer.order?.state == .reserved)
    }

    @Test("requests that come during a step are decided together when it is done") func oneStepAtATime() throws {
        let (bench, fence) = try self.stepUnderway()
        for buyer in ["b", "c"] { #expect(bench.buy(buyer) == nil) }
        #expect(bench.counters.sold == 1)
        let steps = bench.steps.count
        bench.redisAnswers = true
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .stepped))
        #expect(bench.counters.sold == 3)
        #expect(bench.steps.count == steps + 1)
        #expect(bench.steps.last.map { [$0.before, $0.after] } == [2, 0])
        // The bench's own Redis did not see the first step, and finds the difference.
        #expect(bench.replies.map(\.request.buyer.rawValue) == ["a"])
    }

    @Test("a limit is refused without Redis") func refusalNeedsNoStep() throws {
        let bench = Bench(granted: 3, limit: 1)
        bench.buy("a")
        let steps = bench.steps.count
        #expect(bench.buy("a") == .refused(.duplicate(held: 1, limit: 1)))
        #expect(bench.steps.count == steps)
    }

    @Test(
        "an order whose step Redis lost, or did not answer, is withheld until the lot is primed with it",
        arguments: [RedisResult.lost, .unreachable])
    func unconfirmedOrderIsWithheld(result: RedisResult) throws {
        let (bench, fence) = try self.stepUnderway()
        bench.redis = [:]
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, result))
        #expect(bench.withheld.map(\.order) == [Self.first])
        if result == .unreachable {
            #expect(bench.buy("a", order: Self.first) == .refused(.recovering), "a repeated request learns nothing")
            #expect(bench.changed.isEmpty)
            bench.now = bench.now.advanced(milliseconds: 300)
            bench.feed(.tick)
        }
        // Primed anew, with the order.
        #expect(bench.redis[Bench.lot]?.available == 2)
        #expect(bench.changed.map(\.id) == [Self.first])
        #expect(bench.buy("a", order: Self.first)?.order?.id == Self.first)
        #expect(bench.counters.sold == 1)
    }

    @Test("a withheld order of a lot that becomes contested is primed for, too") func contestedLotPrimesForWithheld()
        throws
    {
        let (bench, fence) = try self.stepUnderway()
        bench.feed(.directives(bench.directives(granted: 3, contest: 5)))
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .unreachable))
        #expect(bench.withheld.count == 1 && bench.changed.isEmpty)
        bench.now = bench.now.advanced(milliseconds: 300)
        bench.feed(.tick)
        #expect(bench.changed.map(\.id) == [Self.first])
    }

    @Test("a step that meets a newer fence ends the process, and its order is not acknowledged")
    func newerFenceEndsTheProcess() throws {
        let (bench, fence) = try self.stepUnderway()
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .superseded))
        #expect(bench.stops.count == 1)
        #expect(bench.withheld.map(\.order) == [Self.first])
        #expect(bench.buy("a", order: Self.first) == .refused(.recovering))
    }

    @Test("a result for an older fence says nothing about the lot") func olderFenceSaysNothing() throws {
        let (bench, fence) = try self.stepUnderway()
        bench.feed(.redisResult(lot: Bench.lot, fence: fence - 1, .stepped))
        #expect(bench.replies.isEmpty)
    }

    @Test("a process that follows a crash primes Redis from the ledger, whichever of both was ahead")
    func restartPrimesFromTheLedger() throws {
        // Redis has a step that the ledger never got, or the ledger has an order that Redis never got.
        for available in [1, 3] {
            let bench = Bench(granted: 3)
            bench.buy("a", order: Self.first)
            var book = UnitBook()
            for entry in [.opened(Incarnation(1))] + bench.entries + [.opened(Incarnation(2))] { book.apply(entry) }
            let wrong = RedisPrime(
                lot: Bench.lot, fence: 1 << 24 | 1, available: available, ledger: LedgerID(3), witness: .empty)
            let next = Bench(book: book)
            next.redis[Bench.lot] = RedisModel(prime: wrong)
            next.start(granted: 3)
            #expect(next.redis[Bench.lot]?.available == 2)
            #expect(next.buy("a", order: Self.first)?.order?.state == .reserved, "it is in the ledger, so it is sold")
        }
    }

    @Test("a Redis that was emptied is rebuilt from the ledger") func emptyRedisIsRebuiltFromLedger() {
        let bench = Bench(granted: 3)
        bench.buy("a")
        bench.redis = [:]
        #expect(bench.buy("b", order: Self.first) == nil)
        #expect(bench.withheld.count == 1)
        #expect(bench.buy("b", order: Self.first)?.order?.state == .reserved)
        #expect(bench.redis[Bench.lot]?.available == 1)
    }

    @Test("a Redis that was set back is found by its sequence, also if its stock is the same")
    func setBackRedisIsFoundBySequence() {
        let bench = Bench(granted: 2)
        let old = bench.redis
        bench.buy("a", order: Self.first)
        bench.feed(.cancel(Self.first, ticket: 1))
        bench.steady = bench.now.advanced(milliseconds: 2_000)
        bench.feed(.tick)
        #expect(bench.redis[Bench.lot]?.available == old[Bench.lot]?.available)
        bench.redis = old
        let fence = old[Bench.lot]?.fence
        #expect(bench.buy("b") == nil)
        #expect(bench.withheld.count == 1)
        #expect(bench.redis[Bench.lot]?.fence == fence.map { $0 + 1 })
    }

    @Test("a Redis that loses a lot soon after priming is primed again after a pause")
    func repeatedLossPausesPriming() {
        let bench = Bench(granted: 3)
        bench.steady = bench.now
        func loseAndBuy(_ buyer: String) -> Bool {
            bench.redis = [:]
            _ = bench.buy(buyer)
            return bench.redis[Bench.lot] != nil
        }
        #expect(loseAndBuy("a"), "primed at once")
        #expect(!loseAndBuy("b"), "and not again at once")
        bench.steady = bench.steady?.advanced(milliseconds: 5_000)
        bench.feed(.tick)
        #expect(bench.redis[Bench.lot] != nil)
    }

    @Test("a Redis with another figure of the stock is primed again, and the book decides")
    func wrongFigureIsPrimedAgain() {
        let bench = Bench(granted: 1)
        let prime = RedisPrime(
            lot: Bench.lot, fence: bench.redis[Bench.lot]!.fence, available: 50, ledger: LedgerID(3),
            witness: .empty)
        bench.redis[Bench.lot] = RedisModel(prime: prime)
        #expect(bench.buy("a", order: Self.first) == nil)
        #expect(bench.redis[Bench.lot]?.available == 0)
        #expect(bench.buy("a", order: Self.first)?.order?.state == .reserved)
        #expect(bench.buy("b") == .refused(.soldOut(requested: 1)))
        #expect(bench.counters.live == 1)
    }

    @Test("Redis learns the ledger's newest head with a step, or soon after it") func redisLearnsTheNewestHead() {
        let bench = Bench(granted: 3)
        bench.buy("a")
        #expect(bench.steps.last?.witness != bench.machine.durableHead, "the commit was under way")
        bench.feed(.tick)
        #expect(bench.steps.last?.witness == bench.machine.durableHead)
        let steps = bench.steps.count
        bench.feed(.tick)
        #expect(bench.steps.count == steps, "and not again")
    }

    @Test("a ledger that was set back repeats incarnations, and its fences continue above those in Redis")
    func fencesContinueAboveRedis() {
        var book = UnitBook()
        for entry: LedgerEntry in [.opened(Incarnation(2)), .granted(Bench.lot, total: 3)] { book.apply(entry) }
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        let newest = UInt64(5) << 24 | 7
        let survey = RedisSurvey(
            ledger: LedgerID(3), witness: nil, newestFence: newest, run: RedisRun(rawValue: 1))
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(2),
            lots: [.init(lot: Bench.lot, granted: 2, hint: nil, elsewhere: 0)])
        machine.handle(.surveyed(survey), now: .distantPast, into: &output)
        machine.handle(.registered(.newGeneration(directives)), now: .distantPast, into: &output)
        #expect(Recorder(output).fences == [newest + 1])
    }
}
