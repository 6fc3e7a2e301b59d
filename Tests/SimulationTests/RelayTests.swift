import Simulation
import Testing

@Suite("Relay of events") struct RelayTests {
    @Test("every event arrives or is listed as dead, in order per order, whatever is lost or crashes")
    func everyEventArrives() {
        var all = RelayWorkload.Result()
        for seed in 0..<400 {
            let result = RelayWorkload.run(seed: UInt64(seed))
            #expect(result.broken.isEmpty, "seed \(seed): \(result.broken.prefix(3))")
            all.duplicates += result.duplicates
            all.letters += result.letters
            all.dead += result.dead
            all.crashes += result.crashes
            all.awaySteps += result.awaySteps
        }
        // The worlds reach what they are about.
        #expect(all.duplicates > 100)
        #expect(all.letters > 1_000)
        #expect(all.dead > 0)
        #expect(all.crashes > 400)
        #expect(all.awaySteps > 1_000)
    }

    @Test("each planted mistake is found", arguments: RelayWorkload.Plant.allCases)
    func plantsAreFound(_ plant: RelayWorkload.Plant) {
        let isFound = (0..<50).contains { !RelayWorkload.run(seed: UInt64($0), plant: plant).broken.isEmpty }
        #expect(isFound, "\(plant)")
    }
}
