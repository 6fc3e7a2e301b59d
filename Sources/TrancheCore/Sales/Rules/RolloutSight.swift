extension StagedRollout {
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
        /// Of the gates that have the new rules, of the others, and of the first ones before; empty where gates have
        /// nothing to change.
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
}
