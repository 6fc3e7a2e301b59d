import Testing
import TrancheCore

/// Numbers that come from peers, at their ends: nothing stops, and the answer still makes sense.
@Suite("Extreme values") struct ExtremeValueTests {
    static let ends = [Instant(microseconds: .min), .distantPast, .distantFuture]

    @Test("the time between any two moments saturates") func timeBetweenMomentsSaturates() {
        #expect(
            Instant.distantFuture.milliseconds(since: Instant(microseconds: .min)) == Int64.max / 1_000)
        #expect(Instant(microseconds: .min).milliseconds(since: .distantFuture) == Int64.min / 1_000)
        #expect(Instant(microseconds: 5_000).milliseconds(since: Instant(microseconds: 8_000)) == -3)
        #expect(Instant(microseconds: .min).milliseconds(since: Instant(microseconds: .min)) == 0)
    }

    @Test("behind the last generation, incarnation and epoch comes no first one") func lastCounterStays() {
        #expect(Generation(.max).next == Generation(.max) && Generation(1).next == Generation(2))
        #expect(Incarnation(.max).next == Incarnation(.max) && Incarnation(1).next == Incarnation(2))
        #expect(Epoch(.max).next == Epoch(.max) && Epoch(1).next == Epoch(2))
    }

    @Test("a later moment never has an earlier stamp") func laterMomentHasLaterStamp() {
        let moments = [0, 1, 1 << 51, (1 << 52) - 1, 1 << 52, (1 << 52) + 1, 1 << 60, .max] as [Int64]
        for (earlier, later) in zip(moments, moments.dropFirst()) {
            #expect(Stamp(Instant(microseconds: earlier)) <= Stamp(Instant(microseconds: later)))
        }
        #expect(Stamp(Instant(microseconds: 1 << 52)) > Stamp(Instant(microseconds: 1 << 51)))
    }

    @Test("a round trip of any four moments is judged") func anyRoundTripIsJudged() {
        var check = ClockCheck()
        for sent in Self.ends {
            for received in Self.ends {
                for answered in Self.ends {
                    for heard in Self.ends {
                        check.observe(.init(sent: sent, received: received, answered: answered, heard: heard))
                        #expect(check.best.map { $0.delayMicroseconds >= 0 } == true)
                        _ = check.state
                    }
                }
            }
        }
    }

    @Test(
        "a rate is rounded to whole items, within the limit of a lot",
        arguments: [
            (0.0, 0), (-1, 0), (-.infinity, 0), (.nan, 0), (0.1, 1), (2, 2), (2.5, 3), (1e9, Limits.stockPerLot),
            (1e300, Limits.stockPerLot), (.infinity, Limits.stockPerLot),
            (.greatestFiniteMagnitude, Limits.stockPerLot),
        ])
    func itemsOfRateStayWithinLot(count: Double, expected: Int) { #expect(Rebalancer.items(count) == expected) }

    @Test("the rebalancer handles rates that no shop has") func rebalancerBearsExtremeRates() {
        let lot = LotID(1)
        var rebalancer = Rebalancer()
        var now = Instant(microseconds: .min)
        for (round, at) in [Instant(microseconds: .min), .distantPast, Instant(microseconds: 1), .distantFuture]
            .enumerated()
        {
            now = at
            let samples = (1...3).map { unit in
                Rebalancer.Sample(
                    unit: UnitID(UInt16(unit)), available: unit == 1 ? Limits.counter : 0,
                    offered: Limits.counter / 4 * round, starved: Limits.counter, heardAt: at, isLive: true)
            }
            _ = rebalancer.isScarce(
                lot, issued: Limits.stockPerLot, left: 0, samples: samples, start: .whenScarce)
            for pool in [0, 1, Limits.stockPerLot, Limits.counter] {
                for decision in rebalancer.decide(lot, pool: pool, samples: samples, now: now) {
                    guard case .grant(_, _, let quantity) = decision else { continue }
                    #expect((1...pool).contains(quantity))
                }
            }
        }
    }

    @Test("a unit without demand is refilled as before when it is unknown how long the stock lasts")
    func unitWithoutDemandIsRefilled() {
        var rebalancer = Rebalancer()
        let sample = Rebalancer.Sample(
            unit: UnitID(1), available: 0, offered: 0, starved: 40, heardAt: .distantPast, isLive: true)
        #expect(
            rebalancer.decide(LotID(1), pool: 1_000, samples: [sample], now: .distantPast)
                == [.grant(LotID(1), UnitID(1), quantity: 80)], "twice what waits")
    }

    @Test(
        "a contest of any terms handles any stamp",
        arguments: [
            .stamp, .arrival, .rounds(milliseconds: .max), .rounds(milliseconds: .min),
            .bandLottery(microseconds: .max),
            .bandLottery(microseconds: .min),
        ] as [ContestPolicy])
    func contestTakesAnyStamp(policy: ContestPolicy) {
        let now = Instant(milliseconds: 1_700_000_000_000)
        var merge = ContestMerge(
            lot: LotID(1), book: ContestBook(terms: ContestTerms(policy: policy, waitlist: 1)), now: now,
            tie: { $0.low })
        merge.observe(.init(batches: 0, pool: 2, mayReturn: 0, isClosed: false, members: [UnitID(1): Generation(1)]))
        let stamps = [0, 1, Stamp(now).rawValue, .max]
        let candidates = stamps.enumerated().map { place, stamp in
            Candidate(
                index: place, order: OrderID(high: 1, low: UInt64(place)), quantity: 1, stamp: Stamp(rawValue: stamp),
                uncertainty: .max)
        }
        merge.receive(
            .init(
                lot: LotID(1), base: 0, candidates: candidates, end: 4, watermark: Stamp(rawValue: .max), heard: .max),
            from: UnitID(1), generation: Generation(1), isTrusted: true, now: now)
        var allocated = 0
        for second in 1...60 {
            let later = now.advanced(milliseconds: Int64(second) * 1_000)
            guard let batch = merge.decide(now: later) else { continue }
            allocated += batch.allocated.count
            merge.committed(batch.number, pool: 2 - allocated, coming: 0, mayReturn: 0)
            _ = merge.reply(to: UnitID(1), generation: Generation(1), heard: .max, now: later)
        }
        #expect(allocated == 2, "what is there is given")
    }
}
