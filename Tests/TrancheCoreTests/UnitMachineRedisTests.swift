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

    @Test("a buyer whose order expired while Redis took its time learns that, and not that it is reserved")
    func orderEndsDuringItsStep() throws {
        let (bench, fence) = try self.stepUnderway()
        bench.now = bench.now.advanced(milliseconds: 1_500)  // The payment window is one second.
        bench.feed(.tick)
        #expect(bench.machine.book.orders.state(of: Self.first) == .expired)
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .stepped))
        #expect(bench.replies.last?.answer.order?.state == .expired)
        #expect(bench.replies.count == 1)
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
        bench.redis = RedisModel()
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

    /// A process that starts on this ledger, beside a Redis of another one.
    private func next(_ entries: [LedgerEntry], _ redis: RedisModel) -> Bench {
        var book = UnitBook()
        for entry in [.opened(Incarnation(1))] + entries + [.opened(Incarnation(2))] { book.apply(entry) }
        let bench = Bench(book: book)
        bench.redis = redis
        return bench
    }

    @Test("a process that follows a crash primes Redis from the ledger, and takes over what only Redis has")
    func restartPrimesFromTheLedger() throws {
        let (bench, _) = try self.stepUnderway()
        #expect(bench.redis[Bench.lot]?.sequence == 0, "Redis never got the step")
        let behind = self.next(bench.entries, bench.redis)
        behind.start(granted: 3)
        #expect(behind.redis[Bench.lot]?.available == 2)
        #expect(behind.buy("a", order: Self.first)?.order?.state == .reserved, "it is in the ledger, so it is sold")
        // Redis has the step, and the commit was lost.
        bench.redis.handle(try #require(bench.steps.last), expecting: .stepped)
        let before = Array(bench.entries.prefix { if case .reserved = $0 { false } else { true } })
        let ahead = self.next(before, bench.redis)
        ahead.start(granted: 3)
        #expect(ahead.redis[Bench.lot]?.available == 2)
        #expect(ahead.changed.map(\.id) == [Self.first])
        #expect(ahead.buy("a", order: Self.first)?.order?.state == .reserved)
        #expect(ahead.counters.sold == 1)
    }

    @Test("a ledger that lacks what Redis has seen proves nothing, and takes nothing over")
    func contradictedLedgerGivesUpItsQuota() throws {
        let (bench, _) = try self.stepUnderway()
        bench.redis.handle(try #require(bench.steps.last), expecting: .stepped)
        let copy = self.next([], bench.redis)
        copy.proofs = { _ in nil }
        copy.feed(.started)
        #expect(copy.counters.sold == 0)
        copy.feed(.registered(.proofRequired(position: 1, challenge: 5, earlier: [])))
        #expect(copy.answered.isEmpty, "the ledger is not asked")
        #expect(copy.registrations == 2)
        #expect(copy.alarms.count == 1)
        copy.feed(.registered(.accepted(copy.directives(granted: 3))))
        #expect(copy.stops.count == 1, "the center cannot know")
    }

    @Test(
        "a first priming is refused if another process has done anything since the survey, and so are its later steps")
    func takeOverIsOneStep() throws {
        let original = Bench(granted: 3)
        let copy = self.next(original.entries, original.redis)
        copy.feed(.started)  // Its survey.
        original.buy("a")
        copy.redis = original.redis
        copy.start(granted: 3)
        #expect(copy.stops.count == 1)
        // The other way round: the original meets the new owner at its next step, in whichever lot.
        let second = self.next(original.entries, original.redis)
        second.start(granted: 3)
        #expect(second.stops.isEmpty)
        original.redis = second.redis
        #expect(original.buy("b") == nil)
        #expect(original.stops.count == 1)
    }

    @Test("stock is sold when it is durable, because a process that takes a step's orders over must have it")
    func onlyDurableStockIsSold() {
        let bench = Bench(granted: 0, windowMilliseconds: 60_000)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        for buyer in ["a", "b"] { bench.buy(buyer) }
        var (machine, output) = (bench.machine, UnitOutput())
        machine.handle(.directives(bench.directives(granted: 1, elsewhere: 8)), now: bench.now, into: &output)
        #expect(Recorder(output).redisSteps.isEmpty, "the grant and its sale would be one commit")
        machine.committed(Bench.head(9))
        output = UnitOutput()
        machine.handle(.nextRound, now: bench.now, into: &output)
        #expect(Recorder(output).redisSteps.map { [$0.after, Int($0.witness.position)] } == [[0, 9]])
        #expect(output.entries.count == 1)
    }

    @Test("the center learns of a return when Redis has the ledger with it") func returnWaitsForRedis() {
        let bench = Bench(granted: 5)
        bench.redisAnswers = false
        bench.feed(.directives(bench.directives(granted: 5, hint: ReclaimHint(number: 4, keep: 1))))
        #expect(bench.counters.returned == 4)
        func reported() -> [UInt64] {
            bench.feed(.reportDue(nonce: 1))
            let lot = bench.reports.last?.lots.first
            return [UInt64(lot?.counters.returned ?? 99), lot?.hintDone ?? 99]
        }
        #expect(reported() == [0, 0])
        bench.redisAnswers = true
        bench.feed(.tick)
        #expect(reported() == [4, 4])
    }

    @Test("a Redis that was emptied is rebuilt from the ledger") func emptyRedisIsRebuiltFromLedger() {
        let bench = Bench(granted: 3)
        bench.buy("a")
        bench.redis = RedisModel()
        #expect(bench.buy("b", order: Self.first) == nil)
        #expect(bench.withheld.count == 1)
        #expect(bench.buy("b", order: Self.first)?.order?.state == .reserved)
        #expect(bench.redis[Bench.lot]?.available == 1)
    }

    @Test("a Redis that was set back is found by its sequence, also if its stock is the same")
    func setBackRedisIsFoundBySequence() {
        let bench = Bench(granted: 2)
        bench.feed(.tick)
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
            bench.redis = RedisModel()
            _ = bench.buy(buyer)
            return bench.redis[Bench.lot] != nil
        }
        #expect(loseAndBuy("a"), "primed at once")
        #expect(!loseAndBuy("b"), "and not again at once")
        bench.steady = bench.steady?.advanced(milliseconds: 5_000)
        bench.feed(.tick)
        #expect(bench.redis[Bench.lot] != nil)
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
        let survey = RedisSurvey(ledger: LedgerID(3), witness: nil, newestFence: newest, run: Bench.run)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(2),
            lots: [.init(lot: Bench.lot, granted: 2, hint: nil, elsewhere: 0)])
        machine.handle(.surveyed(survey), now: .distantPast, into: &output)
        machine.handle(.registered(.newGeneration(directives)), now: .distantPast, into: &output)
        #expect(Recorder(output).fences == [newest + 1])
    }

    @Test("no lot is primed before Redis was surveyed, because that would delete what Redis knows")
    func nothingIsPrimedBeforeTheSurvey() {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Bench.lot, granted: 3, hint: nil, elsewhere: 0)])
        machine.handle(.surveyed(nil), now: .distantPast, into: &output)
        machine.handle(.registered(.accepted(directives)), now: .distantPast, into: &output)
        #expect(Recorder(output).fences.isEmpty && !Recorder(output).hasRecovered)
        machine.handle(.tick, now: Instant(milliseconds: 1_000), into: &output)
        machine.handle(
            .surveyed(RedisSurvey(ledger: nil, witness: nil, run: Bench.run)), now: Instant(milliseconds: 1_000),
            into: &output)
        #expect(Recorder(output).fences.count == 1 && Recorder(output).hasRecovered)
    }
}

extension RedisModel {
    fileprivate mutating func handle(_ step: RedisStep, expecting result: RedisResult) {
        let answer = self.handle(step)
        #expect(answer == result)
    }
}
