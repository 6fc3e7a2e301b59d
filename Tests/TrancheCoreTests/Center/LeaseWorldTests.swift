import Testing

@Suite("Centers that take each other's lease over") struct LeaseWorldTests {
    @Test("two may believe that they lead, and only the newest epoch appends; what a caller heard is true for ever")
    func onlyNewestEpochAppends() {
        var rivalries = 0
        for seed in 0..<300 as Range<UInt64> {
            var world = LeaseWorld(seed: seed, plant: .none)
            let finding = world.run()
            #expect(finding == nil, "seed \(seed)")
            rivalries += world.rivalries
        }
        #expect(rivalries > 100, "the worlds are too calm: two centers believed to lead \(rivalries) times")
    }

    @Test("without the epoch in the condition, or without the barrier's fence, the worlds find it")
    func plantedMistakesAreFound() {
        for plant in [LeaseWorld.Plant.noEpoch, .noFence] {
            let isFound = (0..<300 as Range<UInt64>).contains { seed in
                var world = LeaseWorld(seed: seed, plant: plant)
                return world.run() != nil
            }
            #expect(isFound, "\(plant) is not found")
        }
    }
}
