/// A rule that a buyer breaks.
package struct RuleHit: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// A condition of the sale is not fulfilled.
        case notEligible
        /// The buyer or the address is in a list of blocked ones.
        case blocked
        /// The gate does not have the list that the rule names. Then nobody fulfils it: a sale must not open to everybody
        /// because a list is late.
        case missingList
    }

    package let rule: String
    package let reason: Reason
    package let mode: GateRule.Mode

    package init(rule: String, reason: Reason, mode: GateRule.Mode) {
        (self.rule, self.reason, self.mode) = (rule, reason, mode)
    }

    /// What the buyer is told; `nil` if the rule only observes. The answer to a blocked buyer does not name the list.
    package var refusal: GateRefusal? {
        guard self.mode == .enforce else { return nil }
        switch self.reason {
        case .notEligible, .missingList: return .notEligible(rule: self.rule)
        case .blocked: return .blocked(until: nil)
        }
    }
}

extension Sequence<RuleHit> {
    /// The refusal of the first enforced rule; `nil` if the buyer may go on.
    package var refusal: GateRefusal? { self.lazy.compactMap(\.refusal).first }
}
