import Simulation
import Testing

/// The seed draws the faults, so a failure repeats with `tranche simulate --seeds N..N`.
@Suite("Seeded worlds") struct SeedTests {
    static let seeds: Range<UInt64> = 0..<1_000

    @Test("every invariant holds in a thousand worlds", arguments: [0, 1] as [UInt64])
    func invariantsHoldInAThousandWorlds(half: UInt64) {
        var marks: Set<String> = []
        for seed in Self.seeds where seed % 2 == half {
            let world = World(seed: seed)
            let violations = world.run()
            #expect(
                violations.isEmpty,
                "seed \(seed): \(violations); repeat with: tranche simulate --seeds \(seed)..\(seed)")
            marks.formUnion(world.marks.keys)
        }
        let missing = Coverage.missing(in: marks)
        #expect(missing.isEmpty, "no world reached \(missing)")
    }

    @Test("the same seed gives the same run", arguments: 0..<25 as Range<UInt64>)
    func sameSeedGivesSameRun(seed: UInt64) {
        let (first, second) = (World(seed: seed), World(seed: seed))
        _ = first.run()
        _ = second.run()
        #expect(first.steps == second.steps)
        #expect(first.fingerprint == second.fingerprint, "seed \(seed) did not repeat")
    }

    @Test("other seeds give other runs") func otherSeedsGiveOtherRuns() {
        let prints = (0..<20 as Range<UInt64>).map { seed in
            let world = World(seed: seed)
            _ = world.run()
            return world.fingerprint
        }
        #expect(Set(prints).count == prints.count)
    }

    @Test("a planted fault is caught within a thousand seeds", arguments: Plant.allCases)
    func plantedFaultIsCaught(plant: Plant) throws {
        for seed in Self.seeds {
            let violations = World(seed: seed, plant: plant).run()
            guard let first = violations.first else { continue }
            #expect(plant.breaks.contains(first.invariant), "seed \(seed) breaks \(first), which is not the plant's")
            print("planted \(plant.rawValue): seed \(seed) breaks \(first)")
            return
        }
        Issue.record("\(plant.rawValue) went unnoticed in \(Self.seeds.count) seeds")
    }
}
