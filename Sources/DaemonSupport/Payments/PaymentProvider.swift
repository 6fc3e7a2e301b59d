package import TrancheAPI
package import TrancheCore

/// The payment provider of an installation: what Tranche needs of it, and no more. Each call ends within the time-out of its
/// implementation, never throws, and may be repeated: acts carry a key under which the provider carries them out once.
package protocol PaymentProvider: Sendable {
    /// Takes a payment for an order. A repetition under the same key is the same payment.
    func create(_ charge: ChargeBody, key: String) async -> ChargeAnswer
    /// Asks which payments there are for an order.
    func query(_ order: OrderID) async -> PaymentAnswer
    /// Gives a payment back. A repetition under the same key is the same refund.
    func refund(_ refund: RefundBody, key: String) async -> RefundAnswer
    /// Asks what became of a refund that was accepted. It changes nothing.
    func watch(_ refund: RefundBody, key: String) async -> RefundAnswer
    /// Calls that are under way end as unknown.
    func stop()
}
