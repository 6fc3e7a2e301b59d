/// One moment by both clocks of a machine.
package struct Moment: Hashable, Sendable {
    /// For stamps, deadlines and openings.
    package let wall: Instant
    /// By a clock that never steps, from any origin: for pauses and silences.
    package let steady: Instant

    package init(wall: Instant, steady: Instant) { (self.wall, self.steady) = (wall, steady) }
}
