/// How new rules of an open sale come to its units: to one, then to that one's region, then to all.
///
/// Which units have the new rules is a part of the configuration, so each stage is a version of its own, and every
/// unit has the same version. While a stage is watched, its units are compared with those that still have the old
/// rules, and with the time before. The rollout holds by itself when something is worse than both. After the last
/// stage the new rules are the sale's.
package struct StagedRollout: Hashable, Sendable {
    package enum Stage: String, Hashable, Sendable, Codable, CaseIterable { case unit, region, all }

    /// What operators do with a rollout that is under way.
    package enum Act: String, Hashable, Sendable, CaseIterable {
        /// Take the next stage now, whatever was found.
        case goOn = "go-on"
        /// Watch the present stage once more, from the beginning.
        case watch
        case hold
        /// All units get the old rules back, as a new version.
        case rollBack = "roll-back"
        /// All units get the new rules now, and these are the sale's.
        case finish
    }

    /// What is asked of a stage before the next one is taken.
    package struct Terms: Hashable, Sendable {
        package let watchMilliseconds: Int64
        /// By how much the share of a refusal may rise, in permille of all purchases.
        package let risePermille: Int
        /// How slow purchases may become, in percent of the comparison.
        package let latencyPercent: Int
        /// Purchases that the stage's units must have answered.
        package let leastAnswers: Int
        package init(watchMilliseconds: Int64, risePermille: Int, latencyPercent: Int, leastAnswers: Int) {
            (self.watchMilliseconds, self.risePermille) = (watchMilliseconds, risePermille)
            (self.latencyPercent, self.leastAnswers) = (latencyPercent, leastAnswers)
        }
    }

    /// What becomes of a rollout.
    package enum Next: Hashable, Sendable {
        case wait
        case hold(RolloutHold)
        case watch
        case stage(Stage)
        /// The new rules become the sale's.
        case finish
        case rollBack
    }

    /// A unit may need so long for a version, and be silent for so long.
    package static let unheardMilliseconds: Int64 = 10_000
    /// So few refusals of a code say nothing.
    package static let leastRefusals = 10
    /// Faster than this is fast enough, whatever the comparison is.
    package static let fastMicroseconds: Int64 = 25_000
    /// Refusals that say that the stock or the time is over, or that a sale was stopped. Rules do not cause them.
    package static let expectedRefusals: Set<String> = [
        "sold_out", "restocking", "not_started", "ended", "paused", "token_revoked", "blocked",
        // At gates: those who wait in the line, and the first call of everybody where a challenge is asked for.
        "not_admitted", "entry_closed", "challenge_required",
    ]

    package let terms: Terms
    package let fleet: Fleet
    package let stage: Stage
    /// Whether it waits for an operator.
    package let isHeld: Bool

    package init(terms: Terms, fleet: Fleet, stage: Stage, isHeld: Bool) {
        (self.terms, self.fleet, self.stage, self.isHeld) = (terms, fleet, stage, isHeld)
    }

    /// What follows by itself from what was seen.
    package func next(_ seen: Seen) -> Next {
        // A held rollout waits for an operator, also when what was found is over.
        if self.isHeld { return .wait }
        if let hold = self.findings(seen) { return .hold(hold) }
        guard seen.unheard.isEmpty, seen.watchedMilliseconds >= self.terms.watchMilliseconds else { return .wait }
        let answered = seen.new.answered
        guard answered >= self.terms.leastAnswers else {
            return .hold(.tooFew(answered: answered, needed: self.terms.leastAnswers))
        }
        return self.onward
    }

    /// What follows from an operator's act.
    package func next(_ act: Act) -> Next {
        switch act {
        case .goOn: self.onward
        case .watch: .watch
        case .hold: .hold(.byOperator)
        case .rollBack: .rollBack
        case .finish: .finish
        }
    }

    private var onward: Next { self.fleet.stage(after: self.stage).map { .stage($0) } ?? .finish }

    private func findings(_ seen: Seen) -> RolloutHold? {
        if let lot = seen.contested { return .contested(lot) }
        guard seen.state == .open else { return .notOpen(seen.state) }
        if let refusal = seen.refusal { return .versionRefused(refusal.unit, refusal.reason) }
        if let unit = seen.unheard.min(), seen.unheardMilliseconds >= Self.unheardMilliseconds { return .unheard(unit) }
        if let worst = self.rise(seen.new, seen.old, seen.before) {
            return .refusals(code: worst.code, permille: worst.now, usualPermille: worst.usual)
        }
        if let worst = self.rise(seen.gates.new, seen.gates.old, seen.gates.before) {
            return .gateRefusals(code: worst.code, permille: worst.now, usualPermille: worst.usual)
        }
        return self.slowness(seen)
    }

    /// The refusal whose share has risen most, if that is too much.
    ///
    /// What also happens to the others is not caused by the rules, and neither is what happened before. So the share
    /// must be higher than both, as far as there are enough purchases to tell.
    private func rise(
        _ new: PurchaseFigures, _ old: PurchaseFigures, _ before: PurchaseFigures
    ) -> (code: String, now: Int, usual: Int)? {
        guard new.answered >= self.terms.leastAnswers else { return nil }
        let comparisons = [old, before].filter { $0.answered >= self.terms.leastAnswers }
        let rises = new.refused.compactMap { code, count -> (code: String, now: Int, usual: Int)? in
            guard count >= Self.leastRefusals, !Self.expectedRefusals.contains(code) else { return nil }
            let (now, usual) = (new.permille(code), comparisons.map { $0.permille(code) }.max() ?? 0)
            return now - usual > self.terms.risePermille ? (code, now, usual) : nil
        }
        // The dictionary has no order: of equal rises the first by name.
        return rises.min { ($1.now - $1.usual, $0.code) < ($0.now - $0.usual, $1.code) }
    }

    private func slowness(_ seen: Seen) -> RolloutHold? {
        let least = self.terms.leastAnswers
        guard seen.new.ordered >= least, let now = seen.new.microseconds(permille: 990) else { return nil }
        let usual = [seen.old, seen.before].filter { $0.ordered >= least }.compactMap { $0.microseconds(permille: 990) }
        guard let slowest = usual.max() else { return nil }
        guard now > Self.fastMicroseconds, now * 100 > slowest * Int64(self.terms.latencyPercent) else { return nil }
        return .slow(microseconds: now, usualMicroseconds: slowest)
    }
}
