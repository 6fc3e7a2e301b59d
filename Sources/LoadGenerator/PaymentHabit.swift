/// How the payment provider of a load behaves with one buyer's payment. The crowd is the provider, too.
package enum PaymentHabit: String, Hashable, Sendable, Codable, CaseIterable {
    /// One callback, in time.
    case honest
    /// The same callback three times.
    case repeated
    /// The buyer pays a second time, with another payment.
    case twice
    /// Somebody forges a callback before the provider sends its own.
    case forged
    /// The callback comes when the reservation has ended.
    case late
    /// The provider takes the payment and never calls back: the unit has to ask. A crowd that is its own provider pays honestly.
    case untold

    /// All but ``honest``.
    static let odd: [PaymentHabit] = [.repeated, .twice, .forged, .late, .untold]

    /// What is wrong with the answer to a later callback for an order; `nil` if it agrees with the first one.
    ///
    /// - Parameters:
    ///   - first: The status of the first callback.
    ///   - later: The status of a further one: of the same payment if they are ``repeated``, or else of another one.
    package func contradiction(first: Int, later: Int) -> String? {
        if self == .repeated { return later == first ? nil : "one payment was answered \(first) and \(later)" }
        return first == 200 && later == 200 ? "two payments of one order were taken" : nil
    }
}

/// A payment as its provider has it: what the unit said to the callback.
package struct SeenPayment: Hashable, Sendable, Codable {
    package let payment: String
    /// `false`: the unit did not take it, and owes it back.
    package let isTaken: Bool
}
