/// A coordinator's judgement of each unit's clock, by round trips that the coordinator measures: a unit's own statement
/// is not enough.
///
/// Each report echoes one of the coordinator's last answers. Two of the four times are the coordinator's own, so a
/// false report gains half of the delay at most (RFC 5905, section 8). A unit without an echo is trusted, because it
/// may receive no answers; its gain is bounded by the time that a merge waits for a slow unit.
package struct ClockJudge: Sendable {
    /// The last answers to a unit whose echo is accepted.
    static let answersLimit = 16

    private var checks: [UnitID: ClockCheck] = [:]
    private var answers: [UnitID: [Instant]] = [:]
    /// The coordinator's own clock. A step makes all earlier round trips invalid.
    private var own = ClockCheck()

    package init() {}

    /// Takes in both clocks of the coordinator, read at the same moment.
    package mutating func observe(wall: Instant, monotonic: Instant) {
        let steps = self.own.steps
        self.own.observe(kernel: nil, wall: wall, monotonic: monotonic)
        guard self.own.steps != steps else { return }
        (self.checks, self.answers) = ([:], [:])
    }

    /// Stores when an answer to a unit left.
    package mutating func answered(_ unit: UnitID, at sentAt: Instant) {
        guard self.answers[unit] != nil || self.answers.count < Limits.units else { return }
        self.answers[unit] = (self.answers[unit] ?? []).suffix(Self.answersLimit - 1) + [sentAt]
    }

    /// - Returns: Whether the unit's stamps are trusted.
    package mutating func isTrusted(
        _ unit: UnitID, echo: ContestReport.Echo?, sentAt: Instant, receivedAt: Instant
    ) -> Bool {
        guard self.checks[unit] != nil || self.checks.count < Limits.units else { return false }
        var check = self.checks[unit] ?? ClockCheck()
        // An answer that never left measures nothing.
        if let echo, self.answers[unit]?.contains(echo.sentAt) == true {
            check.observe(
                ClockCheck.RoundTrip(sent: echo.sentAt, received: echo.heardAt, answered: sentAt, heard: receivedAt))
        }
        self.checks[unit] = check
        return check.state != .untrusted
    }
}
