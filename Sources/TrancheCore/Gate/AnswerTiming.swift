/// The suspicion against one session, from the time it takes for its challenges.
///
/// A person who reads a question needs about a second; a program needs none. One fast answer may be an accident, or a
/// page that computed ahead: the next challenge is harder. Three in a row block the session for ten minutes. A slow
/// answer ends the row.
package struct AnswerTiming: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case person
        /// Too fast; the next challenge has this level (1 or 2: each level is harder).
        case suspicious(level: Int)
        case blocked(until: Instant)
    }

    /// Fast answers in a row that block.
    package static let fastAnswerLimit = 3
    package static let blockMilliseconds: Int64 = 600_000

    /// The level of the next challenge: fast answers in a row.
    package private(set) var level: Int
    package private(set) var blockedUntil: Instant?

    /// - Parameters:
    ///   - level: As it was stored; a number out of range counts as the nearest one in it.
    package init(level: Int = 0, blockedUntil: Instant? = nil) {
        self.level = min(max(0, level), Self.fastAnswerLimit - 1)
        self.blockedUntil = blockedUntil
    }

    /// The end of the block, if there is one at this moment.
    package func block(at now: Instant) -> Instant? {
        guard let until = self.blockedUntil, now < until else { return nil }
        return until
    }

    /// Judges one answer. While the session is blocked every answer is refused, and none is counted.
    ///
    /// - Parameters:
    ///   - madeAt: When the challenge was made, by the gate that made it. An answer before that moment is too fast: the
    ///     clocks of gates differ by less than a person needs.
    ///   - minimumMilliseconds: An answer after exactly this time is not too fast.
    package mutating func judge(madeAt: Instant, answeredAt: Instant, minimumMilliseconds: Int64) -> Verdict {
        if let until = self.block(at: answeredAt) { return .blocked(until: until) }
        self.blockedUntil = nil
        guard answeredAt < madeAt.advanced(milliseconds: minimumMilliseconds) else {
            self.level = 0
            return .person
        }
        guard self.level + 1 < Self.fastAnswerLimit else {
            let until = answeredAt.advanced(milliseconds: Self.blockMilliseconds)
            (self.level, self.blockedUntil) = (0, until)
            return .blocked(until: until)
        }
        self.level += 1
        return .suspicious(level: self.level)
    }
}
