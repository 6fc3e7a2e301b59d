/// The limit of one consumer: no more deliveries than `perSecond` in any second, wherever the second begins, and by the
/// receiver's clock as well.
///
/// The receiver takes a delivery at some moment between its sending and its answer, and the relay does not know at which. So a
/// delivery occupies a place from its sending until a second after its answer, and there are `perSecond` places. Of the deliveries
/// that the receiver takes in one second, all but the last one still have their places when the last one is sent. A network or a
/// receiver that stands still and then goes on therefore makes no exception.
///
/// Beside this, deliveries keep a pace: a twentieth of the rate may be sent at once, and the rest evenly. Without it all places would
/// be used at once, and then none for a second.
struct RelayRate: Sendable {
    static let windowMicroseconds: Int64 = 1_000_000

    let perSecond: Int
    private let intervalMicroseconds: Int64
    private let burst: Int64
    /// When a consumer of even pace would get the next delivery.
    private var paceDue = Instant.distantPast
    /// When deliveries were answered, the oldest first: those of the last second, from `first` on.
    private var answers: [Instant] = []
    private var first = 0

    /// - Returns: `nil` unless `perSecond` is in 1...``Limits/requestsPerWindow``.
    init?(perSecond: Int) {
        guard (1...Limits.requestsPerWindow).contains(perSecond) else { return nil }
        self.perSecond = perSecond
        self.intervalMicroseconds = max(1, Self.windowMicroseconds / Int64(perSecond))
        self.burst = Int64(max(1, perSecond / 20))
    }

    enum Verdict: Hashable, Sendable {
        case admitted
        /// A delivery may be sent then.
        case wait(until: Instant)
        /// All places belong to deliveries without an answer.
        case waitForAnswer
    }

    /// Decides about one more delivery, and counts it if it is admitted.
    ///
    /// - Parameters:
    ///   - underway: Deliveries that have no answer.
    ///   - now: By a clock that never steps.
    mutating func admit(underway: Int, now: Instant) -> Verdict {
        self.forget(now: now)
        let answered = self.answers.count - self.first
        guard underway + answered < self.perSecond else {
            // The second begins with the answer and has both ends: its place is free a microsecond later.
            guard answered > 0 else { return .waitForAnswer }
            return .wait(until: Self.end(of: self.answers[self.first]))
        }
        let earliest = Instant(
            microseconds: self.paceDue.microseconds - (self.burst - 1) * self.intervalMicroseconds)
        guard now >= earliest else { return .wait(until: earliest) }
        self.paceDue = Instant(microseconds: max(self.paceDue, now).microseconds + self.intervalMicroseconds)
        return .admitted
    }

    /// The first moment whose second does not contain `instant`.
    static func end(of instant: Instant) -> Instant {
        Instant(microseconds: instant.microseconds + Self.windowMicroseconds + 1)
    }

    /// A delivery was answered, or its time is up.
    mutating func answered(now: Instant) {
        self.forget(now: now)
        self.answers.append(now)
    }

    private mutating func forget(now: Instant) {
        while self.first < self.answers.count, Self.end(of: self.answers[self.first]) <= now { self.first += 1 }
        guard self.first >= 1_024, self.first * 2 >= self.answers.count else { return }
        self.answers.removeFirst(self.first)
        self.first = 0
    }
}
