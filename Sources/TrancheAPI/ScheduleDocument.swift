package import TrancheCore

/// How the steps of a sale's schedule stand, for operators.
package struct ScheduleDocument: Hashable, Sendable, Codable {
    package struct Step: Hashable, Sendable, Codable {
        package enum Standing: String, Hashable, Sendable, Codable {
            case done, waiting, held, due, blocked, missed
        }
        package let step: SaleSchedule.Step
        package let atMilliseconds: Int64
        /// From this moment on the step is missed; `nil`: it is taken however late.
        package let limitMilliseconds: Int64?
        package let standing: Standing
        /// What is in the way of the step, and why it is not taken.
        package let reasons: [String]
    }
    package let steps: [Step]

    package init(_ schedule: SaleSchedule, _ state: SaleState, obstacle: FoundObstacle?, now: Instant) {
        // One of an earlier step says nothing of the next one.
        let next = schedule.look(state, hasObstacle: false, now: now).next
        let reasons = obstacle.flatMap { $0.step == next ? $0.reasons : nil } ?? []
        let look = schedule.look(state, hasObstacle: !reasons.isEmpty, now: now)
        self.steps = SaleSchedule.Step.allCases.map { step in
            let (standing, ownReasons) = look[step].told
            return Step(
                step: step, atMilliseconds: schedule.time(of: step).milliseconds,
                limitMilliseconds: schedule.limit(of: step)?.milliseconds, standing: standing,
                reasons: ownReasons + (step == look.next && look[step] != .missed ? reasons : []))
        }
    }
}

/// What is in the way of a step, in words.
package struct FoundObstacle: Hashable, Sendable {
    package let step: SaleSchedule.Step
    package let reasons: [String]
    package init(step: SaleSchedule.Step, reasons: [String]) { (self.step, self.reasons) = (step, reasons) }
}

extension SaleSchedule.Standing {
    /// The name, and the reason if the rules themselves give one.
    fileprivate var told: (ScheduleDocument.Step.Standing, [String]) {
        switch self {
        case .done: (.done, [])
        case .waiting: (.waiting, [])
        case .held: (.held, [])
        case .due: (.due, [])
        case .blocked(.paused): (.blocked, ["the sale is paused: resume it, or close it"])
        case .blocked(.unopened): (.blocked, ["the sale was never opened: close it, or edit its times and open it"])
        case .blocked(.found): (.blocked, [])
        case .missed:
            (.missed, ["its time is over, and the schedule does not take it any more: take it, or edit the times"])
        }
    }
}
