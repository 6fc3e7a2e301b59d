import Simulation
import Testing

@Suite("Distribution of a large sale") struct DistributionTests {
    @Test("every item is sold although the demand moves between units, nearly as fast as from one counter")
    func everyItemIsSold() {
        var settings = DistributionWorkload.Settings()
        settings.items = 200_000
        let result = DistributionWorkload.run(settings)
        #expect(result.unsold == 0)
        #expect(result.slowdown < 1.2, "in simulated time")
    }
}
