/// What an operator may change of a sale, beside the steps of its life.
package enum SaleEdit: Hashable, Sendable, CaseIterable {
    /// Names, times and limits of buyers.
    case rules
    /// Which lots there are, and how their stock is split.
    case lots
    /// The opening of an older version of the rules.
    case formerOpening
    /// More stock for a lot.
    case moreStock
    /// One more unit. None is ever taken away.
    case moreUnits
    /// The tokens in buyers' hands are refused from now on.
    case revocation
    /// Units or regions get rules of their own.
    case differentRules
    /// New rules come to one unit first.
    case stagedRollout
    /// The sale is deleted.
    case deletion
}

extension SaleState {
    package func allows(_ edit: SaleEdit) -> Bool {
        switch edit {
        case .rules: true
        // Nothing has been issued of a draft. Of a second round's, items may have been carried: its lots stay.
        case .lots, .deletion: self == .draft
        // The opening is a step in the sale's life. If it were taken back, a sale would open early, or stop.
        case .formerOpening: self == .draft || self == .warming
        // Units sell nothing of a closed sale, and the sales of a settled one have been counted.
        case .moreStock: self != .closed && self != .settled
        // Before the opening there are no homes, and nobody buys after the end.
        case .moreUnits: self == .open || self == .paused
        // Nobody buys any more.
        case .differentRules: self != .closed && self != .settled
        // A stage is judged by its purchases.
        case .stagedRollout: self == .open
        // A draft can be deleted and made again: its epoch would fall. There are no tokens of it, and none can be used
        // once the sale is closed.
        case .revocation: self == .warming || self == .open || self == .paused
        }
    }
}
