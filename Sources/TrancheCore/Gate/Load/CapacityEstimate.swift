/// How many requests for orders a unit can answer in a second, by what it answered and how much of its processors that
/// took.
///
/// Only windows say something in which the unit was busy, and most of its work was admission. With little to do each
/// order has a commit of its own, which costs several times as much as an order in a full batch: the estimate would be
/// far too low, and a line that goes by it would keep it there. Requests that were refused before admission count as handed
/// in: a flood of them takes processor time, and says nothing about orders.
package struct CapacityEstimate: Hashable, Sendable {
    /// What a unit is taken to answer before it has measured anything.
    package static let priorPerSecond = 10_000
    package static let limits = 100...1_000_000
    package static let windowMilliseconds: Int64 = 1_000
    /// The use of the processors from which on a window counts.
    package static let leastUsePermille = 300
    static let leastAnswers = 100

    package private(set) var perSecond = CapacityEstimate.priorPerSecond
    package private(set) var isMeasured = false
    /// Answers of admission in a second, in the last window.
    package private(set) var answeredPerSecond = 0
    private var windowStart: Instant?
    private var answered = 0
    private var handedIn = 0
    private var useSum = 0
    private var observations = 0

    package init() {}

    /// Takes in one measurement, several times a second.
    ///
    /// - Parameters:
    ///   - answered: Requests that admission has answered since the last measurement.
    ///   - handedIn: All requests that came in that time, also those that were answered from memory or refused.
    ///   - usePermille: The use of the processors that the unit may use.
    ///   - now: By a clock that never steps.
    /// - Returns: Whether a window has ended.
    @discardableResult
    package mutating func observe(answered: Int, handedIn: Int, usePermille: Int, now: Instant) -> Bool {
        self.answered += min(max(0, answered), Limits.entries)
        self.handedIn += min(max(0, handedIn), Limits.entries)
        self.useSum += min(max(0, usePermille), 1_000)
        self.observations += 1
        guard let start = self.windowStart, now >= start else {
            self.begin(now)
            return false
        }
        let elapsed = now.milliseconds(since: start)
        guard elapsed >= Self.windowMilliseconds else { return false }
        self.answeredPerSecond = Int(Int64(self.answered) * 1_000 / elapsed)
        self.learn(usePermille: self.useSum / self.observations)
        self.begin(now)
        return true
    }

    private mutating func begin(_ now: Instant) {
        self.windowStart = now
        (self.answered, self.handedIn, self.useSum, self.observations) = (0, 0, 0, 0)
    }

    private mutating func learn(usePermille use: Int) {
        if use < Self.leastUsePermille, self.perSecond < Self.priorPerSecond {
            // A low estimate makes the line slow, and under a slow line no window would ever correct it.
            self.perSecond += (Self.priorPerSecond - self.perSecond + 15) / 16
        }
        guard use >= Self.leastUsePermille, self.answered >= Self.leastAnswers, self.answered * 2 >= self.handedIn
        else { return }
        let measured = min(max(self.answeredPerSecond * 1_000 / use, Self.limits.lowerBound), Self.limits.upperBound)
        self.perSecond = self.isMeasured ? self.perSecond + (measured - self.perSecond) / 4 : measured
        self.isMeasured = true
    }
}
