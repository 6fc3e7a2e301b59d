/// A unit that was added to an open sale: it takes new buyers of a lot from a home unit.
///
/// Homes stay as they were when the sale opened, and tokens name them. A home *refers* a buyer to its branch if two things
/// hold: the buyer prefers the branch, which is a fixed function of the two units and the buyer; and the home's ledger has
/// no order of the buyer in this lot, in any state. From its entry ``LedgerEntry/branched(_:_:)`` on, a home admits no
/// buyer for whom both hold. So whoever was referred is never admitted there, and whoever has an order there is never
/// referred: each buyer has one home, although nobody keeps a list.
package struct Branch: Hashable, Sendable {
    /// The unit that refers.
    package let home: UnitID
    /// The unit that buyers are referred to.
    package let unit: UnitID
    /// Tokens of new buyers that were made before this moment are refused as sold out, as the home may have refused them
    /// before it had the branch; `.distantPast` if it had refused none.
    package let refusedBefore: Instant

    /// How far ``refusedBefore`` is after the entry of the branch, in milliseconds.
    ///
    /// The desk goes on refusing from its flag until it hears of the branch. A token that it refused then may be younger
    /// than the entry by the clock of its maker: clocks differ, and an engine may pause between its clock and the desk. The
    /// price is that new buyers of the branch are refused as sold out so long, and need another token.
    package static let refusalSlackMilliseconds: Int64 = 10_000

    package init(home: UnitID, unit: UnitID, refusedBefore: Instant = .distantPast) {
        (self.home, self.unit, self.refusedBefore) = (home, unit, refusedBefore)
    }
}

/// What the log says of a branch.
package struct BranchRecord: Hashable, Sendable, Codable {
    package let home: UnitID
    package let unit: UnitID
    /// The home's generation at that moment. A home of a later one may have had the branch in a ledger that was lost.
    package let generation: Generation
    package init(home: UnitID, unit: UnitID, generation: Generation) {
        (self.home, self.unit, self.generation) = (home, unit, generation)
    }
}

/// A request whose buyer goes to a branch, when Redis has confirmed that this process still has the unit.
package struct Referral: Sendable {
    package let request: BuyRequest
    package let unit: UnitID
    package init(request: BuyRequest, unit: UnitID) { (self.request, self.unit) = (request, unit) }
}
