/// What a coordinator thinks of each unit's clock, by round trips that it measures itself: a unit's word for its own clock is
/// not enough.
///
/// Each report echoes one of the coordinator's last answers. Of the four moments two are the coordinator's own, so a unit can
/// lie by half of the delay at most (RFC 5905, section 8). One that echoes nothing is believed, because a unit that hears nothing
/// is not to blame; what it can gain is bounded by the time for which a merge waits for a slow unit.
package struct ClockJudge: Sendable {
    /// Answers to a unit whose echo is believed: the last ones.
    static let answersLimit = 16

    private var checks: [UnitID: ClockCheck] = [:]
    private var answers: [UnitID: [Instant]] = [:]
    /// The coordinator's own clock: when it steps, every round trip that it measured before is worth nothing.
    private var own = ClockCheck()

    package init() {}

    /// Takes in what the coordinator's clocks say, both at the same moment.
    package mutating func observe(wall: Instant, monotonic: Instant) {
        let steps = self.own.steps
        self.own.observe(kernel: nil, wall: wall, monotonic: monotonic)
        guard self.own.steps != steps else { return }
        (self.checks, self.answers) = ([:], [:])
    }

    /// Remembers when an answer left for a unit.
    package mutating func answered(_ unit: UnitID, at sentAt: Instant) {
        guard self.answers[unit] != nil || self.answers.count < Limits.units else { return }
        self.answers[unit] = (self.answers[unit] ?? []).suffix(Self.answersLimit - 1) + [sentAt]
    }

    /// - Returns: Whether the unit's stamps may be believed.
    package mutating func isTrusted(
        _ unit: UnitID, echo: ContestReport.Echo?, sentAt: Instant, receivedAt: Instant
    ) -> Bool {
        guard self.checks[unit] != nil || self.checks.count < Limits.units else { return false }
        var check = self.checks[unit] ?? ClockCheck()
        // An answer that never left says nothing of the way.
        if let echo, self.answers[unit]?.contains(echo.sentAt) == true {
            check.observe(
                ClockCheck.RoundTrip(sent: echo.sentAt, received: echo.heardAt, answered: sentAt, heard: receivedAt))
        }
        self.checks[unit] = check
        return check.state != .untrusted
    }
}
