/// One buyer's request, with a verified token.
package struct BuyRequest: Hashable, Sendable {
    package let order: OrderID
    package let buyer: BuyerID
    package let lot: LotID
    package let quantity: Int32
    /// When the token was made, by its maker's clock.
    package let issuedAt: Instant
    /// When the request arrived here.
    package let stamp: Stamp
    /// The shell's handle of the client that waits for the answer; 0 for none.
    package let ticket: UInt64
    /// The clock's `eps` when the request was stamped.
    package let uncertaintyMicroseconds: Int64

    package init(
        order: OrderID, buyer: BuyerID, lot: LotID, quantity: Int, issuedAt: Instant, stamp: Stamp, ticket: UInt64,
        uncertaintyMicroseconds: Int64 = 500
    ) {
        self.uncertaintyMicroseconds = uncertaintyMicroseconds
        self.order = order
        self.buyer = buyer
        self.lot = lot
        self.quantity = Int32(quantity)
        self.issuedAt = issuedAt
        self.stamp = stamp
        self.ticket = ticket
    }
}
