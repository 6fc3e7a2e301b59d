/// What a buyer with a genuine token wants to buy.
package struct Purchase: Hashable, Sendable {
    package let order: OrderID
    package let buyer: BuyerID
    package let lot: LotID
    package let quantity: Int
    /// When the token was made, by its maker's clock.
    package let issuedAt: Instant
    /// The shop's name for the order, if it gave one.
    package let reference: OrderReference?

    package init(
        order: OrderID, buyer: BuyerID, lot: LotID, quantity: Int, issuedAt: Instant, reference: OrderReference? = nil
    ) {
        self.reference = reference
        self.order = order
        self.buyer = buyer
        self.lot = lot
        self.quantity = quantity
        self.issuedAt = issuedAt
    }
}

/// A purchase on its way through admission.
package struct BuyRequest: Hashable, Sendable {
    package let purchase: Purchase
    /// When the request arrived here.
    package let stamp: Stamp
    /// The shell's handle of the client that waits for the answer; 0 for none.
    package let ticket: UInt64
    /// The clock's `eps` when the request was stamped.
    package let uncertaintyMicroseconds: Int64
    /// The front desk would have refused it from its memory. Only the engine knows whether its buyer is to be referred.
    package let isRemembered: Bool

    package init(
        _ purchase: Purchase, stamp: Stamp, ticket: UInt64, uncertaintyMicroseconds: Int64 = 500,
        isRemembered: Bool = false
    ) {
        self.isRemembered = isRemembered
        self.purchase = purchase
        self.stamp = stamp
        self.ticket = ticket
        self.uncertaintyMicroseconds = uncertaintyMicroseconds
    }

    package var order: OrderID { self.purchase.order }
    package var buyer: BuyerID { self.purchase.buyer }
    package var lot: LotID { self.purchase.lot }
    package var quantity: Int { self.purchase.quantity }
    package var reference: OrderReference? { self.purchase.reference }
}
