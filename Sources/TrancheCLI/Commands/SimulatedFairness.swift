import Simulation
import TrancheCore

/// One row of the simulated table.
struct SimulatedFairness: Codable {
    let name: String
    let misallocationPercent: Double
    /// The error of the worst region, as a mean over the seeds.
    let shareErrorPoints: Double
    let holdMillisecondsP99: Double

    static var cases: [(String, FairnessWorkload.Settings)] {
        func made(_ change: (inout FairnessWorkload.Settings) -> Void) -> FairnessWorkload.Settings {
            var settings = FairnessWorkload.Settings()
            change(&settings)
            return settings
        }
        let stamps = [0, 1, 5, 25].map { milliseconds in
            ("stamp, clocks ±\(milliseconds) ms", made { $0.offsetMicroseconds = milliseconds * 1_000 })
        }
        return [("arrival", made { $0.policy = .arrival })] + stamps + [
            (
                "stamp, clocks ±25 ms, checked by round trips",
                made {
                    $0.offsetMicroseconds = 25_000
                    $0.checksClocks = true
                }
            ),
            ("rounds of 50 ms", made { $0.policy = .rounds(milliseconds: 50) }),
            ("band-lottery of ±1 ms", made { $0.policy = .bandLottery(microseconds: 1_000) }),
        ]
    }

    init(_ name: String, _ settings: FairnessWorkload.Settings, seeds: Int) {
        var (won, wrong, share): (Int, Int, Double) = (0, 0, 0)
        var holds: [Double] = []
        for seed in 0..<UInt64(seeds) {
            let result = FairnessWorkload.run(seed: seed, settings)
            won += result.won
            wrong += result.misallocated
            let worst = zip(result.wins, result.first).map { abs($0 - $1) }.max() ?? 0
            share += Double(worst) / Double(max(1, result.won)) * 100
            holds += result.holdMilliseconds
        }
        holds.sort()
        self.name = name
        self.misallocationPercent = Double(wrong) / Double(max(1, won)) * 100
        self.shareErrorPoints = share / Double(seeds)
        self.holdMillisecondsP99 = holds.isEmpty ? 0 : holds[holds.count * 99 / 100]
    }
}
