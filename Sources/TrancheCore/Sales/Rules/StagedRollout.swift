/// How new rules of an open sale come to its units: to one, then to that one's region, then to all.
///
/// Which units have the new rules is a part of the configuration, so each stage is a version of its own, and every unit has the
/// same version. While a stage is watched, its units are compared with those that still have the old rules, and with the
/// time before. The rollout holds by itself when something is worse than both. After the last stage the new rules are the sale's.
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

    /// The units of a sale, as far as a rollout must know them.
    package struct Fleet: Hashable, Sendable {
        package let regions: [UnitID: String]
        package let pilot: UnitID
        package init(regions: [UnitID: String], pilot: UnitID) { (self.regions, self.pilot) = (regions, pilot) }

        /// Whether a unit has the new rules.
        package func reaches(_ unit: UnitID, in stage: Stage) -> Bool {
            switch stage {
            case .unit: unit == self.pilot
            case .region: unit == self.pilot || self.regions[unit] == self.regions[self.pilot]
            case .all: true
            }
        }

        /// Whether the gates of a region have the new rules. A gate serves the buyers of all units of its region.
        package func reaches(gatesOf region: String, in stage: Stage) -> Bool {
            switch stage {
            case .unit: region == self.regions[self.pilot] && self.isAlone
            case .region: region == self.regions[self.pilot]
            case .all: true
            }
        }

        /// Whether the pilot is the only unit of its region.
        private var isAlone: Bool { self.regions.count { $0.value == self.regions[self.pilot] } == 1 }

        /// The stage after another one that reaches more units; `nil` if none does.
        package func stage(after stage: Stage) -> Stage? {
            let isWhole = self.regions.values.allSatisfy { $0 == self.regions[self.pilot] }
            switch stage {
            case .unit: return self.isAlone ? (isWhole ? nil : .all) : .region
            case .region: return isWhole ? nil : .all
            case .all: return nil
            }
        }

        /// - Parameter touchesUnits: Whether the new rules change anything for units. Otherwise one unit of several in a
        ///   region would be no stage: nobody would meet the new rules.
        package func first(touchesUnits: Bool) -> Stage { touchesUnits || self.isAlone ? .unit : .region }
    }

    /// What was seen since the watch of the stage began.
    package struct Seen: Hashable, Sendable {
        package var state: SaleState
        /// Since every unit of the stage has the new rules; 0 until then.
        package var watchedMilliseconds: Int64
        /// Of the units that have the new rules.
        package var new: PurchaseFigures
        /// Of those that have the old ones.
        package var old: PurchaseFigures
        /// Of the units that have the new rules, before the rollout.
        package var before: PurchaseFigures
        /// Of the gates that have the new rules, of the others, and of the first ones before; empty where gates have nothing to
        /// change.
        package var gates: Gates
        /// Units of the stage that do not report, or have not applied its version.
        package var unheard: [UnitID]
        /// For how long there have been such units.
        package var unheardMilliseconds: Int64
        /// The refusal of the stage's version.
        package var refusal: Rollout.Refusal?
        /// A lot of the sale that is contested.
        package var contested: LotID?
        package init(
            state: SaleState, watchedMilliseconds: Int64, new: PurchaseFigures, old: PurchaseFigures,
            before: PurchaseFigures, gates: Gates = Gates(), unheard: [UnitID] = [], unheardMilliseconds: Int64 = 0,
            refusal: Rollout.Refusal? = nil, contested: LotID? = nil
        ) {
            (self.state, self.watchedMilliseconds) = (state, watchedMilliseconds)
            (self.new, self.old, self.before, self.gates) = (new, old, before, gates)
            (self.unheard, self.unheardMilliseconds) = (unheard, unheardMilliseconds)
            (self.refusal, self.contested) = (refusal, contested)
        }
    }

    /// What gates have answered.
    package struct Gates: Hashable, Sendable {
        package let new: PurchaseFigures
        package let old: PurchaseFigures
        package let before: PurchaseFigures
        package init(
            new: PurchaseFigures = PurchaseFigures(), old: PurchaseFigures = PurchaseFigures(),
            before: PurchaseFigures = PurchaseFigures()
        ) { (self.new, self.old, self.before) = (new, old, before) }
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
    /// What also happens to the others is not caused by the rules, and neither is what happened before. So the share must be
    /// higher than both, as far as there are enough purchases to tell.
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
