/// One disagreement about one order, between the ledgers and a list that somebody else keeps.
package struct Difference: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The ledger has the payment, and the shop does not know it.
        case paidNotTold = "paid_not_told"
        /// The shop, or the provider, has the order as paid, and the ledger was not told.
        case toldNotPaid = "told_not_paid"
        /// The ledger has a payment that the provider has not.
        case notCharged = "not_charged"
        /// The provider has a charge beside those that the ledger knows, and did not give it back.
        case chargedUnknown = "charged_unknown"
        /// The provider gave the payment of a paid order back, and nobody else says so.
        case refundedUnknown = "refunded_unknown"
        /// A payment has to be given back, and was not.
        case refundDue = "refund_due"
        case refundedTwice = "refunded_twice"
        /// Shop and provider name different amounts.
        case amountDiffers = "amount_differs"
        /// Only a replaced ledger knows the order, and it keeps its items.
        case owed
        /// A consumer of events did not take one, and it is not tried again.
        case givenUp = "given_up"
        /// The order should have ended, or should have a verdict.
        case stuck
        /// The shop, or the provider, has an order that no ledger knows.
        case unknownToUs = "unknown_to_us"
    }

    /// An act that may be repeated without harm.
    package enum Repair: Hashable, Sendable {
        /// Sends the event at this place of the unit's journal once more, under the same id.
        case replay(OutboxPlace)
        /// Tries the letters of a consumer of the unit again.
        case revive(consumer: String)
    }

    package let kind: Kind
    package let order: OrderID
    /// `nil` if no ledger knows the order.
    package let lot: LotID?
    package let unit: UnitID?
    package let detail: String
    package let repair: Repair?

    package init(
        _ kind: Kind, _ order: OrderID, lot: LotID? = nil, unit: UnitID? = nil, _ detail: String,
        repair: Repair? = nil
    ) {
        (self.kind, self.order, self.lot, self.unit) = (kind, order, lot, unit)
        (self.detail, self.repair) = (detail, repair)
    }
}
