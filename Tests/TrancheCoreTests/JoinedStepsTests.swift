import Testing
import TrancheCore

@Suite("Steps of several lots") struct JoinedStepsTests {
    /// A unit that sells this many lots, of three items each.
    private func bench(lots: UInt32) -> Bench {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        let bench = Bench(book: book)
        bench.feed(
            .configured(
                (1...lots).map {
                    LotRules(
                        lot: LotID($0), phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                        paymentWindowMilliseconds: 60_000)
                }))
        bench.feed(.started)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
            lots: (1...lots).map { .init(lot: LotID($0), granted: 3, hint: nil, elsewhere: 0) },
            coordinator: CoordinatorAddress(epoch: Epoch(1), url: "c"))
        bench.feed(.registered(.accepted(directives)))
        return bench
    }

    private func request(_ lot: UInt32, _ number: UInt64, _ now: Instant) -> BuyRequest {
        BuyRequest(
            Purchase(
                order: OrderID(high: UInt64(lot), low: number), buyer: BuyerID("b\(number)")!, lot: LotID(lot),
                quantity: 1, issuedAt: now), stamp: Stamp(rawValue: Stamp(now).rawValue + number), ticket: number)
    }

    private func results(_ bench: Bench, _ results: [RedisResult]) -> UnitMachine.Event {
        .redisResults(
            zip(bench.steps.suffix(results.count), results).map {
                LotResult(lot: $0.lot, fence: $0.fence, result: $1)
            })
    }

    /// Two lots, each with one order whose step got no answer yet.
    private func twoUnderway() -> Bench {
        let bench = self.bench(lots: 2)
        bench.redisAnswers = false
        let before = (bench.calls, bench.steps.count)
        bench.feed(.requests([self.request(1, 1, bench.now), self.request(2, 2, bench.now)]))
        #expect(bench.calls == before.0 + 1)
        #expect(bench.steps.count == before.1 + 2)
        return bench
    }

    @Test("a tick probes every idle lot, in as few calls as the limit allows") func probesAreJoined() {
        let lots = UInt32(2 * Limits.lotsPerRedisCall + 44)
        let bench = self.bench(lots: lots)
        // Later probes show that the earlier ones were answered.
        for second in 2...4 as ClosedRange<Int64> {
            let before = (calls: bench.calls, steps: bench.steps.count)
            bench.steady = bench.now.advanced(milliseconds: second * 1_000)
            bench.feed(.tick)
            #expect(bench.calls == before.calls + 3)
            let probes = bench.steps.dropFirst(before.steps)
            #expect(probes.count == Int(lots) && Set(probes.map(\.lot)).count == Int(lots))
        }
        #expect((1...lots).allSatisfy { bench.redis[LotID($0)]?.sequence ?? 0 >= 3 })
    }

    @Test("a call has at most the limit of steps") func callsKeepTheLimit() {
        let bench = self.bench(lots: UInt32(Limits.lotsPerRedisCall + 1))
        var (machine, output) = (bench.machine, UnitOutput())
        let moment = Moment(wall: bench.now, steady: bench.now.advanced(milliseconds: 2_000))
        machine.handle(.tick, at: moment, into: &output)
        #expect(Recorder(output).redisCalls == [Limits.lotsPerRedisCall, 1])
    }

    @Test("the next batches of a call's lots are one call, too") func nextBatchesAreJoined() {
        let bench = self.twoUnderway()
        bench.feed(.requests([self.request(1, 3, bench.now), self.request(2, 4, bench.now)]))
        let before = (calls: bench.calls, steps: bench.steps.count)
        bench.feed(self.results(bench, [.stepped, .stepped]))
        #expect(bench.replies.map(\.request.ticket) == [1, 2])
        #expect(bench.calls == before.calls + 1 && bench.steps.count == before.steps + 2)
    }

    @Test("a lost lot of a call does not stop the others") func lostLotStopsNoOther() {
        let bench = self.twoUnderway()
        bench.feed(self.results(bench, [.lost, .stepped]))
        #expect(bench.withheld.map(\.ticket) == [1])
        #expect(bench.replies.map(\.request.ticket) == [2])
        #expect(bench.stops.isEmpty)
    }

    @Test("after a lot of a call has met another process, no other is answered") func nothingFollowsTheStop() {
        let bench = self.twoUnderway()
        bench.feed(self.results(bench, [.superseded, .stepped]))
        #expect(bench.stops.count == 1)
        #expect(bench.replies.isEmpty)
        #expect(bench.withheld.map(\.ticket).sorted() == [1, 2])
    }

    @Test("steps in one call change Redis as the same steps one after the other, and count once")
    func oneCallIsItsStepsInOrder() {
        func model() -> RedisModel {
            var model = RedisModel()
            for lot in 1...3 as ClosedRange<UInt32> {
                let prime = RedisPrime(
                    lot: LotID(lot), fence: 5, owner: 1, available: 4, ledger: LedgerID(3), generation: Generation(1),
                    witness: Bench.head(1))
                let result = model.handle(prime, run: Bench.run)
                #expect(result == .primed(Bench.run))
            }
            return model
        }
        let steps = [(1, 5, 0), (2, 5, 1), (3, 4, 0), (4, 5, 0)].map { lot, fence, sequence in
            RedisStep(
                lot: LotID(UInt32(lot)), owner: 1, fence: UInt64(fence), sequence: UInt64(sequence), before: 4,
                after: 3,
                witness: Bench.head(2))
        }
        var (joined, alone) = (model(), model())
        let results = joined.handle(JoinedSteps(steps[...]))
        #expect(results == [.stepped, .lost, .superseded, .lost])
        let each = steps.map { alone.handle($0) }
        #expect(results == each)
        for lot in 1...4 as ClosedRange<UInt32> { #expect(joined[LotID(lot)] == alone[LotID(lot)]) }
        #expect(joined.witness == alone.witness && joined.mark == alone.mark)
        let refused = joined.handle(JoinedSteps(steps[1...]))
        #expect(refused == [.lost, .superseded, .lost])
        #expect(joined.mark == alone.mark, "a call that changes nothing does not count")
    }
}
