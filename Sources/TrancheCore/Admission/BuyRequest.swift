/// What a buyer with a genuine token wants to buy.
package struct Purchase: Hashable, Sendable {
    package let order: OrderID
    package let buyer: BuyerID
    package let lot: LotID
    package let quantity: Int
    /// When the token was made, by its maker's clock.
    package let issuedAt: Instant

    package init(order: OrderID, buyer: BuyerID, lot: LotID, quantity: Int, issuedAt: Instant) {
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

    package init(_ purchase: Purchase, stamp: Stamp, ticket: UInt64, uncertaintyMicroseconds: Int64 = 500) {
        self.purchase = purchase
        self.stamp = stamp
        self.ticket = ticket
        self.uncertaintyMicroseconds = uncertaintyMicroseconds
    }

    package var order: OrderID { self.purchase.order }
    package var buyer: BuyerID { self.purchase.buyer }
    package var lot: LotID { self.purchase.lot }
    package var quantity: Int { self.purchase.quantity }
}

/// The answer to a buyer or a payment provider. `TrancheAPI` maps it to HTTP, in one place.
package enum Answer: Hashable, Sendable {
    /// The order, in its present state.
    case order(Order)
    case refused(Refusal)

    /// The answer for an order. An order that a contest had no stock for is a refusal.
    package init(_ order: Order) {
        self = order.state == .lost ? .refused(.soldOut(requested: Int(order.quantity))) : .order(order)
    }
}

/// Why a request is refused. Every case names the bad value and the limit it broke.
package enum Refusal: Error, Hashable, Sendable {
    case unknownLot(LotID)
    case unknownOrder(OrderID)
    case invalidQuantity(Int, limit: Int)
    case notStarted(opensAt: Instant)
    case ended
    case paused
    /// Final for this order id: none is left anywhere.
    case soldOut(requested: Int)
    /// None is left here, but more may come: ask again with the same token.
    case restocking
    /// Final for this order id: earlier orders used the limit up.
    case duplicate(held: Int, limit: Int)
    /// Final for this order id.
    case limitReached(requested: Int, held: Int, limit: Int)
    /// A queue is full: ask again with the same token.
    case overloaded(limit: Int)
    /// The unit has more to do than it can: ask again with the same token, after this time.
    case shed(retryAfterSeconds: Int)
    /// The unit, or its Redis, is being rebuilt from the ledger: ask again with the same token.
    case recovering
    /// The order was paid with another payment, which is listed for refund.
    case alreadyPaid(OrderID)
    /// The reservation had ended when the payment came; the payment is listed for refund.
    case paymentTooLate(OrderID, state: OrderState)
    /// The ledger does not know the order; the payment is listed for refund.
    case unknownPayment(OrderID)
    /// Only a reservation can be cancelled.
    case notCancellable(OrderID, state: OrderState)

    /// Whether the same request may get another answer later.
    package var isTransient: Bool {
        switch self {
        case .notStarted, .paused, .restocking, .overloaded, .shed, .recovering: true
        default: false
        }
    }
}
