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
    /// The buyer has no order here, and buys at this unit, which was added to the sale later.
    case referred(to: UnitID)
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
    /// The order has a price, and the notice of its payment has no amount: nothing was noted.
    case amountMissing(OrderID, amount: Money)
    /// The payment is in another currency, and is listed for refund.
    case otherCurrency(OrderID, of: Currency, expected: Currency)
    /// The payment names another lot than the order's, and is listed for refund.
    case otherLot(OrderID, lot: LotID)
    /// The order has as many payments as one can have: nothing was noted.
    case tooManyPayments(OrderID, limit: Int)
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

extension Refusal {
    package init(_ refusal: FinalRefusal, requested: Int) {
        switch refusal {
        case .duplicate(let held, let limit): self = .duplicate(held: held, limit: limit)
        case .limitReached(let held, let limit): self = .limitReached(requested: requested, held: held, limit: limit)
        }
    }
}

/// A waitlisted order's place in line and its odds.
package struct WaitlistPosition: Hashable, Sendable {
    /// Items that orders before this one wait for; unknown at first.
    package let ahead: Int?
    /// Items that may still come back.
    package let mayReturn: Int
    package init(ahead: Int?, mayReturn: Int) { (self.ahead, self.mayReturn) = (ahead, mayReturn) }
}
