import Simulation
import Testing
import TrancheCore

/// What a script wins against people, with the decisions of the gate and the line of the center.
@Suite("A script against people") struct GateFairnessTests {
    /// 20,000 people and 10,000 scripts want 10,000 items.
    private func run(_ seeds: [UInt64], _ change: (inout GateFairnessWorkload.Settings) -> Void = { _ in })
        -> GateFairnessWorkload.Result
    {
        var settings = GateFairnessWorkload.Settings()
        change(&settings)
        let results = seeds.map { GateFairnessWorkload.run(seed: $0, settings) }
        return results.dropFirst().reduce(results[0], +)
    }

    @Test("a script with a hundred times the requests and one identity wins as often as a person")
    func scriptsWinNoMore() {
        let result = self.run([1, 2])
        // The standard error is 0.012: a script that won a tenth more would be eight of them away.
        #expect(result.standardError < 0.015, "\(result.standardError)")
        #expect((0.95...1.05).contains(result.ratio), "\(result.ratio) ± \(result.standardError)")
        #expect(result.people.won + result.scripts.won == 20_000, "everything is sold")
        #expect(result.mostOfOne == 1)
        let perScript = Double(result.scripts.requests) / Double(result.scripts.buyers)
        let perPerson = Double(result.people.requests) / Double(result.people.buyers)
        #expect(perPerson < 2.5 && perScript > 25 * perPerson, "\(perScript) and \(perPerson) requests")
        #expect(result.scripts.limited > result.scripts.requests / 4, "the limits stop a part of them")
    }

    /// The claim above has a condition: this shows that it is not met by itself, and that the measure would notice.
    @Test("a line that lets everybody go on at once leaves the order to speed, and scripts are faster")
    func fastLinesFavourScripts() {
        let result = self.run([1]) { $0.capacityPerSecond = 30_000 }
        #expect(result.ratio > 1.5, "\(result.ratio) ± \(result.standardError)")
    }

    @Test("the same seed makes the same sale") func repeats() {
        func small(_ settings: inout GateFairnessWorkload.Settings) {
            (settings.people, settings.scripts, settings.stock) = (200, 100, 100)
        }
        #expect(self.run([7], small) == self.run([7], small))
        #expect(self.run([7], small) != self.run([8], small))
    }
}
