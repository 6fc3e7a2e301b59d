import Simulation
import Testing
import TrancheCore

/// The figures that fairness rests on, over a few seeds; `tranche fairness --simulate` runs a hundred.
@Suite("Fairness") struct FairnessTests {
    private func wrongWinnersPercent(_ change: (inout FairnessWorkload.Settings) -> Void) -> Double {
        var settings = FairnessWorkload.Settings()
        change(&settings)
        let results = (0..<10 as Range<UInt64>).map { FairnessWorkload.run(seed: $0, settings) }
        #expect(results.allSatisfy { $0.won == settings.items })
        let (wrong, won) = results.reduce((0, 0)) { ($0.0 + $1.misallocated, $0.1 + $1.won) }
        return Double(wrong) / Double(won) * 100
    }

    @Test("by order of arrival, three winners of ten are wrong") func arrivalOrderPicksWrongWinners() {
        #expect((25.0...35.0).contains(self.wrongWinnersPercent { $0.policy = .arrival }))
    }

    @Test(
        "by stamp, the error is the error of the clocks",
        arguments: [(0, 0.0...0.2), (1_000, 0.4...1.2), (5_000, 2.5...4.5), (25_000, 14.0...20.0)])
    func stampErrorIsTheClocks(offset: Int64, expected: ClosedRange<Double>) {
        #expect(expected.contains(self.wrongWinnersPercent { $0.offsetMicroseconds = offset }))
    }

    @Test("round trips find clocks that are far off, and halve the damage") func roundTripsHalveTheDamage() {
        let wrong = self.wrongWinnersPercent {
            $0.offsetMicroseconds = 25_000
            $0.checksClocks = true
        }
        #expect(wrong < 13)
    }

    @Test("ten times the requests do not cause ten times the traffic between regions")
    func trafficDoesNotGrowWithCrowd() {
        var settings = FairnessWorkload.Settings()
        settings.perSecond = 500
        let small = FairnessWorkload.run(seed: 1, settings).forwarded
        settings.perSecond = 5_000
        let large = FairnessWorkload.run(seed: 1, settings).forwarded
        #expect(Double(large) < 1.5 * Double(small))
    }
}
