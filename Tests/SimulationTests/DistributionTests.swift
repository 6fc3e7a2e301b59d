import Simulation
import Testing

@Suite("Distribution of a large sale") struct DistributionTests {
    @Test("every item is sold although the demand moves between units, nearly as fast as from one counter")
    func everyItemIsSold() {
        let result = DistributionWorkload.run(.init())
        #expect(result.unsold == 0)
        #expect(result.slowdown < 1.1, "in simulated time")
    }
}
