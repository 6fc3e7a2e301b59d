/// An order with its payment, as a file holds it.
package struct StoredOrder: Hashable, Sendable {
    package let order: Order
    /// The payment, if it was paid.
    package let payment: PaymentID?
    package init(order: Order, payment: PaymentID?) { (self.order, self.payment) = (order, payment) }
}
