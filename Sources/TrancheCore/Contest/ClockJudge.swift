/// What a coordinator thinks of each unit's clock, by round trips that it measures itself: a unit's word for its own clock is
/// not enough.
///
/// Each report echoes the coordinator's last answer. Of the four moments two are the coordinator's own, so a unit can lie by
/// half of the delay at most (RFC 5905, section 8).
package struct ClockJudge: Sendable {
    private var checks: [UnitID: ClockCheck] = [:]

    package init() {}

    /// - Returns: Whether the unit's stamps may be believed.
    package mutating func isTrusted(
        _ unit: UnitID, echo: ContestReport.Echo?, sentAt: Instant, receivedAt: Instant
    ) -> Bool {
        guard self.checks[unit] != nil || self.checks.count < Limits.units else { return false }
        var check = self.checks[unit] ?? ClockCheck()
        if let echo {
            check.observe(
                ClockCheck.RoundTrip(sent: echo.sentAt, received: echo.heardAt, answered: sentAt, heard: receivedAt))
        }
        self.checks[unit] = check
        return check.state != .untrusted
    }
}
