/// The change that a new version of the configuration makes.
package enum ConfigChange: Hashable, Sendable {
    case unitAnnounced
    case unitRemoved
    case saleCreated
    case saleDeleted
    /// - isPressing: A limit is lowered, or work is switched off or on.
    case saleEdited(isPressing: Bool)
    case step(SaleState.Step)
    /// A step of a sale's schedule is held, or released.
    case stepHeld
    case moreStock
    /// A unit was added to a sale: its homes must know the address before they refer buyers.
    case unitAdded
    /// Buyers may not buy any more, or may again.
    case buyersBlocked
    /// The tokens of a sale that were made before are refused.
    case tokensRevoked
    /// The rules of an older version.
    case rollback
    /// Units or regions get rules of their own, or lose them.
    case variants
    /// A staged rollout begins, takes a stage, holds, or ends with the new rules.
    case stage
    /// All units have the sale's own rules again: a staged rollout is rolled back, or a lot is contested.
    case sameRules

    /// Whether no refusal of a unit stops the version. A change that stops sales is urgent, and so is one that units
    /// must have before the center acts on it.
    package var isUrgent: Bool {
        switch self {
        case .step(.pause), .step(.close), .saleEdited(isPressing: true): true
        case .moreStock, .unitAdded, .unitRemoved, .buyersBlocked, .tokensRevoked, .sameRules: true
        case .unitAnnounced, .saleCreated, .saleDeleted, .saleEdited(isPressing: false), .rollback, .stepHeld: false
        case .variants, .stage: false
        case .step(.warm), .step(.open), .step(.resume), .step(.settle): false
        }
    }
}
