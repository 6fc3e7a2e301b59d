package import TrancheCore

/// All variants of a sale; none ends them.
package struct VariantsBody: Sendable, Codable {
    package let variants: [SaleConfig.Variant]
    package init(variants: [SaleConfig.Variant]) { self.variants = variants }
}

/// Begins a staged rollout.
package struct StagedBody: Sendable, Codable {
    package let rules: SaleConfig.RuleChange
    /// The name of the first unit.
    package let unit: String
    package let terms: RolloutTerms?
    package init(rules: SaleConfig.RuleChange, unit: String, terms: RolloutTerms? = nil) {
        (self.rules, self.unit, self.terms) = (rules, unit, terms)
    }
}

/// Says why an operator does something with a rollout.
package struct RolloutBody: Sendable, Codable {
    package static let reasonBytes = 200
    package let reason: String?
    package init(reason: String? = nil) { self.reason = reason }

    /// - Throws: ``Problem`` with code `bad_request`: a reason is a line of the audit trail.
    package func check() throws(Problem) {
        guard let reason else { return }
        guard reason.isShownInLine, (1...Self.reasonBytes).contains(reason.utf8.count) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "the reason has \(reason.utf8.count) bytes, and must be one line of 1 to \(Self.reasonBytes), "
                    + "without invisible characters")
        }
    }
}

/// The rules of a sale's units beside each other, with what they have answered.
package struct RulesDocument: Hashable, Sendable, Codable {
    package struct Unit: Hashable, Sendable, Codable {
        package let unit: String
        package let region: String
        /// `nil` of a unit with the sale's own rules.
        package let variant: String?
        /// Whether it has the new rules of a staged rollout.
        package let hasNewRules: Bool
        /// `perBuyerLimit`, by lot.
        package let limits: [String: Int]
        package let figures: FiguresDocument
    }
    package struct Staged: Hashable, Sendable, Codable {
        package let stage: StagedRollout.Stage
        /// The stage that follows; `nil` before the end.
        package let next: StagedRollout.Stage?
        package let unit: String
        package let rules: SaleConfig.RuleChange
        package let held: SaleConfig.Staged.Held?
        /// Whether gates have the new rules anywhere; a gate has them with its whole region.
        package let reachesGates: Bool
        /// Of the present watch.
        package let watchedMilliseconds: Int64
        package let watchMilliseconds: Int64
        /// What the units with the new rules have answered since the watch began.
        package let new: FiguresDocument
        /// The same of the units with the old rules.
        package let old: FiguresDocument
        /// What the units with the new rules had answered in the minute before.
        package let before: FiguresDocument
        /// The same of gates, if these have something to change.
        package let newGates: FiguresDocument?
        package let oldGates: FiguresDocument?
    }
    package let sale: String
    package let version: Int
    package let variants: [SaleConfig.Variant]
    package let staged: Staged?
    /// A lot is contested, so every unit has the sale's own rules.
    package let alike: Bool
    package let units: [Unit]
}

/// Figures for people: shares, and the times within which half and 99 % of the orders were answered.
package struct FiguresDocument: Hashable, Sendable, Codable {
    package let answered: Int
    /// Orders of units, and tokens of gates.
    package let ordered: Int
    package let refused: [String: Int]
    package let p50Microseconds: Int64?
    package let p99Microseconds: Int64?
    package init(_ figures: PurchaseFigures) {
        self.answered = figures.answered
        self.ordered = figures.ordered + figures.tokens
        self.refused = figures.refused
        self.p50Microseconds = figures.microseconds(permille: 500)
        self.p99Microseconds = figures.microseconds(permille: 990)
    }
}
