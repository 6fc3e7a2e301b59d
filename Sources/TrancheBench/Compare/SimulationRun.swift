import Foundation
import Simulation

/// Measurements without processes: the rules, and the simulator.
struct SimulationRun: Codable {
    let items: Int
    let unsold: Int
    /// The time to sell out, divided by the time of one shared counter without latency.
    let slowdown: Double
    let eventsPerSecond: Double

    var line: String {
        String(
            format: "%d unsold, sold out after %.3f times the ideal time; %.0f simulated events/s", self.unsold,
            self.slowdown, self.eventsPerSecond)
    }

    static func run(isQuick: Bool) -> SimulationRun {
        let shares = DistributionWorkload.run(.init())
        var rates: [Double] = []
        for round in 0..<3 {
            let start = ContinuousClock.now
            var events = 0
            for seed in 0..<(isQuick ? 20 : 60) {
                let world = World(seed: UInt64(1_000 * round + seed))
                _ = world.run()
                events += world.steps
            }
            let took = (ContinuousClock.now - start).components
            rates.append(Double(events) / (Double(took.seconds) + Double(took.attoseconds) / 1e18))
        }
        return SimulationRun(
            items: shares.items, unsold: shares.unsold, slowdown: shares.slowdown, eventsPerSecond: median(rates))
    }
}
