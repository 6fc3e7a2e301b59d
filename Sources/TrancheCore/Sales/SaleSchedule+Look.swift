// What is due, what is in its way, and when to look again.

extension SaleSchedule {
    /// Whether the shell has to find out if something is in the way of the next step: from some time before it on, until
    /// it is taken or missed. A step that an operator holds is examined, too: it may be released at any moment.
    package func isExamined(_ step: Step, now: Instant) -> Bool {
        if let limit = self.limit(of: step), now >= limit { return false }
        switch step {
        case .warm, .open:
            return now >= self.time(of: step).advanced(milliseconds: -Self.examinedMilliseconds)
        // What was ordered last is reserved until then: no reason for an alarm.
        case .settle: return now >= self.time(of: step)
        // Nothing can be in its way but the sale's state.
        case .close: return false
        }
    }

    /// - Parameters:
    ///   - hasObstacle: Whether the examination found something in the way of the next step, or its last try failed.
    ///   - now: By the wall clock, which may have been set back: what was taken stays so, by the sale's state.
    package func look(_ state: SaleState, hasObstacle: Bool, now: Instant) -> Look {
        let next = Self.next(in: state)
        let standings = Step.allCases.map { step -> Standing in
            guard let next, step >= next else { return .done }
            return step == next
                ? self.standing(ofNext: step, state, hasObstacle: hasObstacle, now: now)
                : self.standing(ofLater: step, state, now: now)
        }
        return Look(standings: standings, next: next, again: next.flatMap { self.again($0, state, now: now) })
    }

    private static func next(in state: SaleState) -> Step? {
        switch state {
        case .draft: .warm
        case .warming: .open
        case .open, .paused: .close
        case .closed: .settle
        case .settled: nil
        }
    }

    private func standing(ofNext step: Step, _ state: SaleState, hasObstacle: Bool, now: Instant) -> Standing {
        if self.held.contains(step) { return .held }
        if self.isMissed(step, now: now) { return .missed }
        if hasObstacle { return .blocked(.found) }
        guard now >= self.time(of: step) else { return .waiting }
        return state == .paused ? .blocked(.paused) : .due
    }

    /// A step behind the next one waits for that; what is certain already is told.
    private func standing(ofLater step: Step, _ state: SaleState, now: Instant) -> Standing {
        if self.held.contains(step) { return .held }
        if self.isMissed(step, now: now) { return .missed }
        return step == .close && state == .warming && now >= self.endsAt ? .blocked(.unopened) : .waiting
    }

    private func isMissed(_ step: Step, now: Instant) -> Bool { self.limit(of: step).map { now >= $0 } ?? false }

    private func again(_ step: Step, _ state: SaleState, now: Instant) -> Instant? {
        let (time, pause) = (self.time(of: step), now.advanced(milliseconds: Self.pauseMilliseconds))
        if self.isMissed(step, now: now) {
            // Later steps may still change how they stand.
            return now < self.endsAt ? self.endsAt : nil
        }
        if now >= time { return now.advanced(milliseconds: Self.retryMilliseconds) }
        if self.isExamined(step, now: now) { return min(time, pause) }
        guard step == .warm || step == .open else { return time }
        return time.advanced(milliseconds: -Self.examinedMilliseconds)
    }
}

extension SaleSchedule.Step: Comparable {
    private var order: Int {
        switch self {
        case .warm: 0
        case .open: 1
        case .close: 2
        case .settle: 3
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}
