import Testing
import TrancheCore

/// Which units the merge waits for, and which clocks it trusts.
extension ContestMergeTests {
    @Test("a request below the watermark that its own unit promised is late, and counted")
    func requestBelowWatermarkIsLate() {
        var bench = Bench(pool: 1)
        bench.wait(300)
        bench.send(1, [], upTo: 100)
        bench.send(2, [], upTo: 5)
        bench.send(1, [(1, 50)], upTo: 200)
        #expect((bench.merge.lateCount, bench.merge.brokenPromises) == (1, 1))
        bench.send(2, [(2, 60)], upTo: 490)
        bench.wait(200)
        bench.send(1, [], upTo: 490)
        #expect(bench.decide() == [2], "the one who kept the promise goes first")
    }

    @Test("a late report of an old ledger, after an older state of the lot, changes nothing of the new ledger")
    func olderReportSaysNothingOfNewLedger() {
        var bench = Bench(pool: 5)
        let (old, new) = (Generation(1), Generation(2))
        func observe(_ generation: Generation) {
            bench.merge.observe(
                .init(batches: 0, pool: 5, mayReturn: 0, isClosed: false, members: [UnitID(1): generation]))
        }
        func receive(_ generation: Generation, _ orders: [UInt64]) {
            let candidates = orders.enumerated().map { index, order in
                Candidate(
                    index: index, order: OrderID(high: 0, low: order), quantity: 1,
                    stamp: Stamp(Self.start.advanced(milliseconds: Int64(index))), uncertainty: 500)
            }
            bench.merge.receive(
                .init(
                    lot: Self.lot, base: 0, candidates: candidates, end: candidates.count,
                    watermark: Stamp(Self.start.advanced(milliseconds: 100)), heard: 0), from: UnitID(1),
                generation: generation, isTrusted: true, now: bench.now)
        }
        observe(new)
        receive(new, [1])
        observe(old)  // Read before the other one.
        receive(old, [7, 8])
        observe(new)
        let batch = bench.merge.decide(now: bench.now)
        #expect(batch?.allocated == [OrderID(high: 0, low: 1)])
        #expect(batch?.released.isEmpty == true)
    }

    @Test("a unit's clock is judged by the coordinator's round trips, whichever times the unit sends")
    func coordinatorJudgesClocksByRoundTrips() {
        var judge = ClockJudge()
        func trip(_ offset: Int64) -> Bool {
            let sent = Self.start
            let heard = sent.advanced(milliseconds: 20 + offset)
            judge.answered(UnitID(1), at: sent)
            return judge.isTrusted(
                UnitID(1), echo: .init(sentAt: sent, heardAt: heard), sentAt: heard,
                receivedAt: sent.advanced(milliseconds: 40))
        }
        let isNewTrusted = judge.isTrusted(UnitID(1), echo: nil, sentAt: Self.start, receivedAt: Self.start)
        #expect(isNewTrusted)
        #expect(trip(0))
        #expect(trip(15), "an error within half of the delay cannot be detected")
        let ahead = Self.start.advanced(milliseconds: 90)
        judge.answered(UnitID(2), at: Self.start)
        let isAheadTrusted = judge.isTrusted(
            UnitID(2), echo: .init(sentAt: Self.start, heardAt: ahead), sentAt: ahead,
            receivedAt: Self.start.advanced(milliseconds: 40))
        #expect(!isAheadTrusted)
        let forged = judge.isTrusted(
            UnitID(3), echo: .init(sentAt: Self.start, heardAt: ahead), sentAt: ahead,
            receivedAt: Self.start.advanced(milliseconds: 40))
        #expect(forged, "an echo of no answer says nothing")
    }

    @Test("a step of the coordinator's own clock makes no unit untrusted") func ownClockStepBlamesNoUnit() {
        var judge = ClockJudge()
        func report(sentAt: Int64, heardAt: Int64, receivedAt: Int64) -> Bool {
            let at = { Self.start.advanced(milliseconds: $0) }
            judge.answered(UnitID(1), at: at(sentAt))
            return judge.isTrusted(
                UnitID(1), echo: .init(sentAt: at(sentAt), heardAt: at(heardAt)), sentAt: at(heardAt),
                receivedAt: at(receivedAt))
        }
        judge.observe(wall: Self.start, monotonic: .distantPast)
        // The clock goes back by 20 ms while an answer is on its way: the unit seems to be ahead.
        let duringTheStep = report(sentAt: 0, heardAt: 20, receivedAt: 2)
        #expect(!duringTheStep)
        judge.observe(
            wall: Self.start.advanced(milliseconds: -10), monotonic: .distantPast.advanced(milliseconds: 10))
        let afterIt = report(sentAt: 10, heardAt: 11, receivedAt: 12)
        #expect(afterIt)
    }

    @Test("no request passes before every watermark has reached its stamp") func nothingPassesBeforeEveryWatermark() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 25)
        bench.send(2, [], upTo: 19)
        #expect(bench.decide() == [])
        bench.send(2, [], upTo: 20)
        #expect(bench.decide() == [7])
    }

    @Test("a silent unit is waited for no longer than holdMax; what it sends later is late, and counted")
    func silentUnitIsExcludedAfterHoldMax() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.wait(499)
        #expect(bench.decide() == [])
        bench.wait(40)
        bench.send(1, [], upTo: 530)
        #expect(bench.decide() == [7])
        bench.send(2, [(8, 10)], upTo: 540)
        #expect(bench.merge.lateCount == 1)
        // Its place is behind the frontier, where it came in; the stock is gone by then.
        bench.send(1, [(9, 535)], upTo: 540)
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [9])
    }

    @Test("a clock that is ahead, or was falsified, gives no advantage and delays no other unit")
    func clockAheadGainsNothing() {
        var bench = Bench(pool: 2)
        bench.wait(50)
        bench.send(2, [(8, 1)], upTo: 45, isTrusted: false)
        bench.send(1, [(7, 20)], upTo: 45)
        #expect(bench.decide() == [7])
        #expect(bench.merge.lateCount == 1)
        bench.send(1, [], upTo: 51)
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [8])
        var ahead = Bench()
        ahead.send(2, [(8, 2_000)], upTo: 2_000)
        #expect(ahead.merge.lateCount == 1)
    }

    @Test("a gap in the candidates holds the watermark back") func gapHoldsWatermarkBack() {
        var bench = Bench(pool: 2)
        bench.send(2, [], upTo: 30)
        let late = Candidate(
            index: 1, order: OrderID(high: 0, low: 9), quantity: 1, stamp: Stamp(Self.start.advanced(milliseconds: 20)),
            uncertainty: 0)
        bench.merge.receive(
            .init(
                lot: Self.lot, base: 0, candidates: [late], end: 2,
                watermark: Stamp(Self.start.advanced(milliseconds: 30)), heard: 0),
            from: UnitID(1), generation: Generation(1), isTrusted: true, now: bench.now)
        #expect(bench.decide() == [])
        #expect(bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now).next == 0)
    }

    @Test("a stamp from far in the future is late, and stops nothing") func farFutureStampIsLate() {
        var bench = Bench(pool: 2)
        let wild = Candidate(
            index: 0, order: OrderID(high: 0, low: 9), quantity: 1, stamp: Stamp(rawValue: UInt64.max), uncertainty: 0)
        for watermark in [Stamp(rawValue: UInt64.max), Stamp(Self.start.advanced(milliseconds: 30))] {
            bench.merge.receive(
                .init(lot: Self.lot, base: 0, candidates: [wild], end: 1, watermark: watermark, heard: 0),
                from: UnitID(1), generation: Generation(1), isTrusted: true, now: bench.now)
        }
        #expect(bench.merge.lateCount == 1)
        bench.send(2, [(7, 20)], upTo: 30)
        #expect(bench.decide().sorted() == [7, 9])
        #expect(bench.merge.book.frontier.stamp < Stamp(rawValue: UInt64.max))
        #expect(Stamp(rawValue: UInt64.max).next == Stamp(rawValue: UInt64.max))
    }

    @Test("a frozen contest decides nothing until it is unfrozen") func frozenContestDecidesNothing() {
        var bench = Bench(pool: 1)
        bench.send(1, [(7, 10)], upTo: 30)
        bench.send(2, [], upTo: 30)
        bench.observe(pool: 1, mayReturn: 0, isFrozen: true)
        #expect(bench.decide() == [])
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [7])
    }

    @Test("repeated and reordered reports change nothing") func repeatedReportsChangeNothing() {
        var bench = Bench(pool: 3)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.send(1, [], upTo: 30)
        bench.send(1, [(8, 35)], upTo: 40)
        bench.send(2, [], upTo: 40)
        #expect(bench.decide() == [7, 8])
        bench.send(1, [], upTo: 50)
        bench.send(2, [], upTo: 50)
        #expect(bench.decide() == [])
    }

    @Test("a batch with a lost answer is not repeated by the same merge") func unansweredBatchIsNotRepeated() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.merge.decide(now: bench.now)?.number == 1)
        bench.send(1, [(8, 31)], upTo: 40)
        bench.send(2, [], upTo: 40)
        #expect(bench.merge.decide(now: bench.now) == nil)
    }
}
