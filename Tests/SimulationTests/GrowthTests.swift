import Simulation
import Testing

/// Worlds in which a unit is added to the sale, while everything breaks as ever.
@Suite("Seeded worlds that grow") struct GrowthTests {
    static let seeds: Range<UInt64> = 0..<1_000

    @Test(
        "no buyer has two homes, and every other invariant holds, in a thousand worlds", arguments: [0, 1] as [UInt64])
    func invariantsHoldInWorldsThatGrow(half: UInt64) {
        var marks: Set<String> = []
        for seed in Self.seeds where seed % 2 == half {
            let world = World(seed: seed, grows: true)
            let violations = world.run()
            #expect(
                violations.isEmpty,
                "seed \(seed): \(violations); repeat with: tranche simulate --grow --seeds \(seed)..\(seed)")
            marks.formUnion(world.marks.keys)
        }
        let missing = Coverage.marksOfGrowth.filter { !marks.contains($0) }
        #expect(missing.isEmpty, "no world reached \(missing)")
    }

    @Test(
        "a world that grows repeats itself, and is another one than without growth", arguments: 0..<10 as Range<UInt64>)
    func growingWorldsRepeat(seed: UInt64) {
        let worlds = [World(seed: seed, grows: true), World(seed: seed, grows: true), World(seed: seed)]
        for world in worlds { _ = world.run() }
        #expect(worlds[0].fingerprint == worlds[1].fingerprint)
        #expect(worlds[0].fingerprint != worlds[2].fingerprint)
    }
}
