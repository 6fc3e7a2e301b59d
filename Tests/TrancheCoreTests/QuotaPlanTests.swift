import Testing
import TrancheCore

@Suite("Quota plan and tranche sizes") struct PlanTests {
    @Test("shares add up to the whole, and never to more") func sharesAddUpToTotal() {
        for total in [0, 1, 2, 3, 10, 999, 10_000] {
            for weights in [[1, 1, 1], [80, 15, 5], [0, 0, 7], [0, 0, 0], [3]] {
                for pool in [0, 1, 500, 1_000] {
                    let grants = QuotaPlan.split(total: total, poolPermille: pool, weights: weights)
                    let shared = total - total * pool / 1_000
                    #expect(grants.reduce(0, +) == (weights.allSatisfy { $0 == 0 } ? 0 : shared))
                    #expect(grants.allSatisfy { $0 >= 0 })
                }
            }
        }
    }

    @Test("a tranche is half of the share, at least one, at most the cap and the pool") func trancheIsHalfOfShare() {
        #expect(TrancheSize.grant(share: 0.8, pool: 1_000, cap: 10_000) == 400)
        #expect(TrancheSize.grant(share: 0.8, pool: 1_000, cap: 100) == 100)
        #expect(TrancheSize.grant(share: 0.01, pool: 3, cap: 10) == 1)
        #expect(TrancheSize.grant(share: 1, pool: 0, cap: 10) == 0)
        #expect(TrancheSize.grant(share: 1, pool: 5, cap: 0) == 0)
    }

    @Test("surplus goes from the idle unit to the starved one, once per cool-down")
    func surplusGoesToStarvingUnit() {
        var rebalancer = Rebalancer()
        let start = Instant(milliseconds: 1_700_000_000_000)
        func samples(_ at: Instant, offered: Int) -> [Rebalancer.Sample] {
            [
                .init(unit: UnitID(1), available: 0, offered: offered, starved: 20, heardAt: at, isLive: true),
                .init(unit: UnitID(2), available: 300, offered: 0, starved: 0, heardAt: at, isLive: true),
                .init(unit: UnitID(3), available: 900, offered: 0, starved: 0, heardAt: at, isLive: false),
            ]
        }
        _ = rebalancer.decide(LotID(1), pool: 0, samples: samples(start, offered: 0), now: start)
        let later = start.advanced(milliseconds: 500)
        let first = rebalancer.decide(LotID(1), pool: 0, samples: samples(later, offered: 200), now: later)
        #expect(first.count == 1)
        guard case .reclaim(LotID(1), UnitID(2), let keep)? = first.first else {
            Issue.record("expected a reclaim from unit 2, got \(first)")
            return
        }
        #expect((150..<300).contains(keep), "at most half of the surplus of 300, but kept \(keep)")
        let soon = rebalancer.decide(LotID(1), pool: 0, samples: samples(later, offered: 200), now: later)
        #expect(soon.isEmpty, "the unit is left alone during its cool-down")
    }
}
