/// Why a rollout does not go on by itself.
package enum RolloutHold: Hashable, Sendable {
    case refusals(code: String, permille: Int, usualPermille: Int)
    /// At gates, of all who want a token.
    case gateRefusals(code: String, permille: Int, usualPermille: Int)
    case slow(microseconds: Int64, usualMicroseconds: Int64)
    /// So few purchases were answered in the whole time that nothing can be said.
    case tooFew(answered: Int, needed: Int)
    case unheard(UnitID)
    case versionRefused(UnitID, String)
    case contested(LotID)
    case notOpen(SaleState)
    case byOperator

    /// Stable, for documents and metrics.
    package var code: String {
        switch self {
        case .refusals, .gateRefusals: "refusals_rose"
        case .slow: "latency_rose"
        case .tooFew: "too_few_purchases"
        case .unheard: "unit_unheard"
        case .versionRefused: "version_refused"
        case .contested: "contested_lot"
        case .notOpen: "sale_not_open"
        case .byOperator: "held_by_operator"
        }
    }
}
