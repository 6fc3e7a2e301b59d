import Testing
import TrancheCore

@Suite("Unit machine and its Redis") struct UnitMachineRedisTests {
    @Test("a Redis that was emptied is rebuilt from the ledger") func emptyRedisIsRebuiltFromLedger() {
        let bench = Bench(granted: 3)
        bench.buy("a")
        bench.redis = [:]
        #expect(bench.buy("b") == .refused(.recovering))
        #expect(bench.buy("b")?.order?.state == .reserved)
        #expect(bench.redis[Bench.lot]?.available == 1)
    }

    @Test("a Redis that was set back is found by its sequence, and its verdicts are not used")
    func setBackRedisIsFoundBySequence() {
        let bench = Bench(granted: 2)
        let old = bench.redis
        bench.buy("a")
        bench.buy("b")
        bench.redis = old
        #expect(bench.buy("c") == .refused(.recovering))
        #expect(bench.buy("c") == .refused(.soldOut(requested: 1)))
        #expect(bench.counters.sold == 2)
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

    @Test("a Redis with wrong figures of stock cannot make the ledger oversell") func wrongRedisCannotOversell() {
        let bench = Bench(granted: 1)
        let prime = LotPrime(
            lot: Bench.lot, fence: bench.redis[Bench.lot]!.fence, available: 50, holdings: [], ledger: LedgerID(3),
            witness: .empty)
        bench.redis[Bench.lot] = RedisModel(prime: prime)
        #expect(bench.buy("a")?.order?.state == .reserved)
        #expect(bench.buy("b") == .refused(.recovering))
        #expect(bench.machine.redisContradictions == 1)
        #expect(bench.counters.live == 1)
    }

    @Test("a Redis that gives back more than the unit has is primed again, and the ledger takes nothing of it")
    func excessiveReturnPrimesAgain() throws {
        let bench = Bench(granted: 5)
        bench.redisAnswers = false
        bench.feed(.directives(bench.directives(granted: 5, hint: ReclaimHint(number: 4, keep: 1))))
        let fence = try #require(bench.redis[Bench.lot]?.fence)
        bench.feed(
            .lotResult(
                lot: Bench.lot, fence: fence, .decided(verdicts: [], sequence: 1, available: 0, taken: 6)))
        #expect(bench.counters.returned == 0 && bench.counters.available == 5)
        #expect(bench.machine.redisContradictions == 1)
        #expect(bench.redis[Bench.lot]?.fence == fence + 1)
    }

    @Test("a ledger that was set back repeats incarnations, and its fences continue above those in Redis")
    func fencesContinueAboveRedis() {
        var book = UnitBook()
        for entry: LedgerEntry in [.opened(Incarnation(2)), .granted(Bench.lot, total: 3)] { book.apply(entry) }
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        let newest = UInt64(5) << 24 | 7
        let survey = RedisSurvey(
            ledger: LedgerID(3), witness: nil, proof: nil, admitted: [], newestFence: newest, run: RedisRun(rawValue: 1)
        )
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(2),
            lots: [.init(lot: Bench.lot, granted: 2, hint: nil, elsewhere: 0)])
        machine.handle(.surveyed(survey), now: .distantPast, into: &output)
        machine.handle(.registered(.newGeneration(directives)), now: .distantPast, into: &output)
        #expect(Recorder(output).fences == [newest + 1])
    }

    @Test("a unit without a survey of Redis refuses no request from memory before the lot is primed")
    func unprimedLotRefusesNothingFromMemory() {
        var book = UnitBook()
        for entry: LedgerEntry in [.opened(Incarnation(1)), .granted(Bench.lot, total: 3)] { book.apply(entry) }
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        machine.handle(.surveyed(nil), now: .distantPast, into: &output)
        #expect(Recorder(output).recovered.isEmpty)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Bench.lot, granted: 3, hint: nil, elsewhere: 0)])
        machine.handle(.registered(.accepted(directives)), now: .distantPast, into: &output)
        let fences = Recorder(output).fences
        machine.handle(
            .lotResult(lot: Bench.lot, fence: fences[0], .primed(RedisRun(rawValue: 1))), now: .distantPast,
            into: &output)
        #expect(Recorder(output).recovered == [Bench.lot])
        // Redis answered: everything it had is adopted at once.
        var other = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        output = UnitOutput()
        let survey = RedisSurvey(
            ledger: nil, witness: nil, proof: nil, admitted: [], newestFence: 0, run: RedisRun(rawValue: 1))
        other.handle(.surveyed(survey), now: .distantPast, into: &output)
        #expect(Recorder(output).recovered == [nil])
    }
}
