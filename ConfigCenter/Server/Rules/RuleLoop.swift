import DaemonSupport
import ServiceLifecycle
import TrancheCore

/// Watches the stages of rollouts, and what is contested, while this process leads.
struct RuleLoop: Service {
    static let everyMilliseconds = 500
    let seat: CenterSeat
    let telemetry: Telemetry

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let (underWay, held) = await (try? self.seat.center)?.keepRules() ?? (0, 0)
                self.telemetry.set(
                    "tranche_rollouts", "Staged rollouts of rules that are under way.", to: Double(underWay))
                self.telemetry.set(
                    "tranche_rollouts_held", "Staged rollouts that wait for an operator.", to: Double(held))
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }
}
