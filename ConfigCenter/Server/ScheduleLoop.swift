import DaemonSupport
import ServiceLifecycle
import TrancheCore

/// Takes the steps of sales with a schedule, while this process leads.
///
/// A center that stands by looks only whether it leads by now. What was due meanwhile follows from the configuration and the
/// clock, so nothing is remembered here.
struct ScheduleLoop: Service {
    static let shortestMilliseconds: Int64 = 50
    /// An operator's change, or the lead, is noticed after so long.
    static let longestMilliseconds: Int64 = 1_000
    let seat: CenterSeat
    let telemetry: Telemetry

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let (looks, again) = await (try? self.seat.center)?.keepSchedules() ?? ([], nil)
                self.setGauges(looks)
                let pause = again?.milliseconds(since: SystemClock.now()) ?? Self.longestMilliseconds
                let clamped = min(max(pause, Self.shortestMilliseconds), Self.longestMilliseconds)
                try? await Task.sleep(for: .milliseconds(clamped))
            }
        }
    }

    /// The figures of the center that leads; those of another one are zero.
    private func setGauges(_ looks: [SaleSchedule.Look]) {
        let steps = SaleSchedule.Step.allCases
        func figures(_ isCounted: (SaleSchedule.Standing) -> Bool) -> [(value: String, gauge: Double)] {
            steps.map { step in (step.rawValue, Double(looks.count { isCounted($0[step]) })) }
        }
        self.telemetry.replace(
            "tranche_schedule_blocked", "Sales whose schedule cannot take the step, or could not if it were due.",
            label: "step",
            with: figures { if case .blocked = $0 { true } else { false } })
        self.telemetry.replace(
            "tranche_schedule_missed", "Sales whose step comes too late for their schedule.", label: "step",
            with: figures { $0 == .missed })
        self.telemetry.replace(
            "tranche_schedule_held", "Sales whose step an operator holds.", label: "step",
            with: figures { $0 == .held })
    }
}
