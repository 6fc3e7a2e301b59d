/// Moves the threshold of one lot's line, in the center, a few times a second.
///
/// - Nobody passes before the opening.
/// - The threshold only rises.
/// - **Pace.** Entries pass at three quarters of what the units can answer: the rest is for repetitions, for the status of
///   orders, and for buyers who were let go on earlier. While the units are overloaded the pace falls by a fifth each
///   second, and it recovers by a twentieth of the full pace (additive increase, multiplicative decrease: Chiu and Jain,
///   Computer Networks and ISDN Systems 1989).
/// - **Enough.** The line stops when those ahead, who may go on and have not finished, will take twice what is left, by
///   the items that a buyer took so far. It goes on when they did not take it.
///
/// Threshold and pace are for entries, not for names: nobody in the center knows who is in the line.
package struct LineController: Hashable, Sendable {
    /// The part of the measured capacity that the line may fill.
    package static let capacityPermille = 750
    /// Those ahead suffice when they would take this many times what is left.
    package static let sufficiency = 2
    static let lowestPacePermille = 50
    /// The longest time between two steps that counts in full. After a longer one, for instance of a center that was
    /// replaced, nobody passes for the time that was lost.
    static let stepMilliseconds: Int64 = 2_000
    /// The most debt, in seconds of the pace: one wrong report does not stop the line for long.
    static let debtSeconds = 10
    /// The time that counts for the first step.
    static let firstStepMilliseconds: Int64 = 250

    package let policy: LinePolicy
    package let opensAt: Instant
    package private(set) var threshold: LineThreshold
    /// The part of the full pace that the load allows.
    package private(set) var pacePermille = 1_000
    private var paceMovedAt: Instant?
    /// Thousandths of an entry that may still pass; below zero after late reports of entries that had passed.
    private var credit = 0
    private var passed: Int?
    private var steppedAt: Instant?
    private var yield = LineYield()
    private var history = PassedHistory()

    /// - Parameter threshold: The last one that was told to anybody, so that a new center goes on from there.
    package init(policy: LinePolicy, opensAt: Instant, threshold: LineThreshold = LineThreshold()) {
        self.policy = policy
        self.opensAt = opensAt
        self.threshold = threshold
    }

    /// Takes in a threshold that was published, for instance before the center was restarted.
    package mutating func raise(to published: LineThreshold) { self.threshold.merge(published) }

    /// One step: raises the threshold by what time, load and stock allow.
    ///
    /// - Parameters:
    ///   - now: A step with an earlier moment than the last one lets nobody pass.
    ///   - demand: The entries of all gates.
    ///   - minted: Buyers of this lot who got a token, ever.
    ///   - finished: Those of them whose token came to an end, by an order or by the end of its life (``TokenLives``).
    ///   - stockLeft: Items that can still be bought, in all units and in the pool.
    package mutating func step(
        now: Instant, demand: ArrivalCounts, minted: Int, finished: Int, stockLeft: Int, load: LoadFigures
    ) -> LineState {
        guard now >= self.opensAt else { return self.state(demand, now) }
        guard self.policy.needsEntry else {
            self.threshold.merge(LineThreshold(.everybody))
            return self.state(demand, now)
        }
        // The figures come from peers; within these ranges no sum of them overflows.
        let minted = min(max(0, minted), Limits.entries)
        let finished = min(max(0, finished), Limits.entries)
        let stockLeft = min(max(0, stockLeft), Limits.stockPerLot)
        let before = demand.entries(upTo: self.threshold.rank)
        if self.passed == nil { self.history.add(before, now: now) }
        self.yield.observe(finished: finished, stockLeft: stockLeft)
        self.adaptPace(load, now: now)
        self.earn(perSecond: max(0, min(load.capacityPerSecond, Limits.entries)), now: now)
        // Entries that were reported late, and had passed before they were reported, use up credit like others.
        self.credit -= max(0, before - (self.passed ?? before)) * 1_000

        let wanted = self.wanted(passed: before, minted: minted, finished: finished, stockLeft: stockLeft, now: now)
        let steps = min(wanted, max(0, self.credit / 1_000))
        if steps > 0 {
            // A gate whose clock is ahead must not let those pass who have not come.
            let rank = min(demand.rank(ofEntries: before + steps), EntryRank(arrivedAt: now))
            self.threshold.merge(LineThreshold(rank))
        }
        let after = demand.entries(upTo: self.threshold.rank)
        self.credit -= max(0, after - before) * 1_000
        self.passed = after
        let state = self.state(demand, now)
        self.history.add(after, now: now)
        return state
    }

    private func state(_ demand: ArrivalCounts, _ now: Instant) -> LineState {
        let passed = demand.entries(upTo: self.threshold.rank)
        return LineState(
            threshold: self.threshold, entered: demand.total, admitted: passed,
            perMinute: self.history.perMinute(until: now, passed))
    }

    /// Moves the pace once a second, so that it does not depend on how often the center steps.
    private mutating func adaptPace(_ load: LoadFigures, now: Instant) {
        guard let movedAt = self.paceMovedAt, now >= movedAt else {
            self.paceMovedAt = now
            return
        }
        guard now.milliseconds(since: movedAt) >= 1_000 else { return }
        self.paceMovedAt = now
        self.pacePermille =
            load.isOverloaded
            ? max(Self.lowestPacePermille, self.pacePermille * 4 / 5) : min(1_000, self.pacePermille + 50)
    }

    /// Adds the credit of the time since the last step. At most one second of it is kept, or the step's and one entry if that
    /// is more: what a line could not use, because nobody was in it, must not come as one rush later.
    private mutating func earn(perSecond capacity: Int, now: Instant) {
        let elapsed =
            self.steppedAt.map { min(now.milliseconds(since: $0), Self.stepMilliseconds) }
            ?? min(now.milliseconds(since: self.opensAt), Self.firstStepMilliseconds)
        self.steppedAt = max(now, self.steppedAt ?? now)
        // In thousandths of an entry, so that a slow line moves, too.
        let pace = capacity * Self.capacityPermille * self.pacePermille / 1_000
        let earned = pace * Int(max(0, elapsed)) / 1_000
        self.credit = min(max(self.credit, -pace * Self.debtSeconds) + earned, max(pace, 1_000 + earned))
    }

    /// Entries that should pass in addition, until those ahead suffice.
    private func wanted(passed: Int, minted: Int, finished: Int, stockLeft: Int, now: Instant) -> Int {
        guard stockLeft > 0 else { return 0 }
        let live = max(0, minted - finished)
        // Who may go on and did not come for a while does not come any more.
        let coming = min(max(0, passed - minted), self.history.passed(until: now, passed).entries)
        let enough = (stockLeft * Self.sufficiency * 1_000 + self.yield.permille - 1) / self.yield.permille
        return max(0, enough - live - coming)
    }
}
