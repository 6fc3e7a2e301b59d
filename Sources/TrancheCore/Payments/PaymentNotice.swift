/// What a provider says of one payment for one order.
///
/// The amount is a total: all that the provider has taken with this payment so far. The highest one counts, so notices may come
/// late, out of order and many times.
package struct PaymentNotice: Hashable, Sendable {
    package let order: OrderID
    package let payment: PaymentID
    /// ``Money/none`` if the provider names none: enough for an order without a price.
    package let amount: Money
    /// The lot that the provider believes the order to be of.
    package let lot: LotID?

    package init(order: OrderID, payment: PaymentID, amount: Money = .none, lot: LotID? = nil) {
        (self.order, self.payment, self.amount, self.lot) = (order, payment, amount, lot)
    }
}

/// One payment of an order, with all that was taken with it.
package struct Payment: Hashable, Sendable {
    package let id: PaymentID
    /// ``Money/none`` if no amount is known.
    package let amount: Money
    package init(id: PaymentID, amount: Money) { (self.id, self.amount) = (id, amount) }
}

/// What a provider is asked about an order whose reservation ends.
package struct ProviderQuestion: Hashable, Sendable {
    package let order: OrderID
    /// What the order costs; ``Money/none`` if its lot has no price, or if it is in an archive.
    package let amount: Money
    package let reference: OrderReference?
    package init(order: OrderID, amount: Money, reference: OrderReference?) {
        (self.order, self.amount, self.reference) = (order, amount, reference)
    }
}

package enum ProviderAnswer: Hashable, Sendable {
    /// All payments that the provider has for the order, refunded ones included; at least one.
    case paid([Payment])
    /// The provider knows that it has taken nothing for the order.
    case unpaid
    /// The provider could not be asked, or does not know: nothing follows from it.
    case unknown
}

/// What became of the request to carry a refund out.
package enum RefundAnswer: Hashable, Sendable {
    case done
    /// The provider has taken the refund on, and it is not done yet.
    case pending
    /// The provider refuses it for good. It stays on the list, and is tried again in the longest pauses.
    case refused(reason: String)
    /// The provider could not be asked.
    case unknown
}

/// How a unit works with a payment provider. All times are in milliseconds.
package struct ProviderTerms: Hashable, Sendable {
    /// How long before its deadline an order is asked about. An answer from this time on counts.
    package var askLeadMilliseconds: Int64 = 1_000
    /// How long after its deadline an order keeps its items while no answer is known. Then they are sold again, and the provider
    /// is asked on: money that it has is refunded, or revives the order.
    package var holdUnknownMilliseconds: Int64 = 900_000
    /// After this time without an event a question, or a refund, counts as unknown.
    package var answerMilliseconds: Int64 = 10_000

    package init() {}

    /// - Returns: Names the bad value and its limits; `nil` if all values are good.
    package var defect: String? {
        func check(_ name: String, _ value: Int64, _ range: ClosedRange<Int64>) -> String? {
            range.contains(value) ? nil : "\(name) \(value) ms is not in \(range)"
        }
        return check("askLeadMilliseconds", self.askLeadMilliseconds, 0...Limits.askLeadMilliseconds)
            ?? check("holdUnknownMilliseconds", self.holdUnknownMilliseconds, 0...Limits.holdUnknownMilliseconds)
            ?? check("answerMilliseconds", self.answerMilliseconds, 100...Limits.providerAnswerMilliseconds)
    }
}
