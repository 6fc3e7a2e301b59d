package import TrancheAPI
package import TrancheCore

/// The payment provider of an installation: what Tranche needs of it, and no more. Each call ends within the time-out
/// of its implementation, never throws, and may be repeated: acts carry a key under which the provider carries them out
/// once. The reason of an unknown answer is for people.
package protocol PaymentProvider: Sendable {
    /// Takes a payment for an order. A repetition under the same key is the same payment.
    func create(_ charge: ChargeBody, key: String) async -> ChargeAnswer
    /// Asks which payments there are for an order.
    func query(_ order: OrderID) async -> (answer: ProviderAnswer, reason: String?)
    /// Gives a payment back, under ``Refund/key``, unless that was asked for before; says what became of it in any
    /// case. Call it until it is done.
    func refund(_ refund: Refund) async -> (answer: RefundAnswer, reason: String?)
    /// Calls that are under way end as unknown.
    func stop()
}
