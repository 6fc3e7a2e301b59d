import Simulation
import Testing

/// A finding repeats with `tranche simulate --failovers 1 --seeds N`.
@Suite("Simulated failovers of a ledger") struct FailoverTests {
    @Test("what was acknowledged survives every promotion, and no answer in doubt is given twice differently")
    func everyPromiseHolds() {
        var (failovers, marks, seed) = (0, Set<String>(), UInt64(0))
        while failovers < FailoverCoverage.failoversNeeded {
            let result = FailoverWorld.run(seed: seed)
            #expect(result.finding == nil, "seed \(seed)")
            failovers += result.failovers
            marks.formUnion(result.marks)
            seed += 1
        }
        let missing = FailoverCoverage.missing(in: marks)
        #expect(missing.isEmpty, "no world reached \(missing)")
    }

    @Test("a planted mistake is caught within a thousand worlds", arguments: FailoverPlant.allCases)
    func plantedMistakeIsCaught(plant: FailoverPlant) {
        let seed = (0..<1_000 as Range<UInt64>).first { FailoverWorld.run(seed: $0, plant: plant).finding != nil }
        #expect(seed != nil, "\(plant.rawValue) went unnoticed")
    }

    @Test("the same seed gives the same world") func sameSeedGivesSameWorld() {
        for seed in 0..<20 as Range<UInt64> {
            let (one, other) = (FailoverWorld.run(seed: seed), FailoverWorld.run(seed: seed))
            #expect(one.steps == other.steps && one.confirmed == other.confirmed && one.marks == other.marks)
        }
    }
}
