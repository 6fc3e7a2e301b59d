import Foundation
import Simulation

/// How fast this machine is now, by simulated worlds: they run the rules that the demo's processes run, and memory and
/// processors are what a demo needs most.
struct MachineSpeed {
    /// Events a second, on all processors together, with which a demo of the usual size has room to spare. With half of
    /// them, buyers waited for 2 s in the middle, and reservations ended before they were paid.
    static let usualEventsPerSecond = 1_600_000.0
    /// A sale that is smaller has no contest that is worth looking at.
    static let leastShare = 0.2

    let eventsPerSecond: Double

    /// - Returns: After half a second.
    static func measure(milliseconds: Int = 400) async -> MachineSpeed {
        let began = ContinuousClock.now
        let end = began.advanced(by: .milliseconds(milliseconds))
        let events = await withTaskGroup(of: Int.self) { group in
            let processors = UInt64(ProcessInfo.processInfo.activeProcessorCount)
            for first in 0..<processors {
                group.addTask {
                    var (events, seed) = (0, first)
                    while ContinuousClock.now < end {
                        let world = World(seed: seed)
                        _ = world.run()
                        events += world.steps
                        seed += processors
                    }
                    return events
                }
            }
            return await group.reduce(0, +)
        }
        let took = ContinuousClock.now - began
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        return MachineSpeed(eventsPerSecond: Double(events) / seconds)
    }

    /// The part of a usual demo that this machine can serve, in tenths.
    var share: Double {
        let share = (10 * self.eventsPerSecond / Self.usualEventsPerSecond).rounded(.down) / 10
        return min(1, max(Self.leastShare, share))
    }
}
