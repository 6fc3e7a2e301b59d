package import TrancheCore

// What a payment provider is asked and answers: the form that units speak and that the sample provider serves. Amounts
// are in minor units of the currency, as its ISO 4217 code counts them. Each POST carries a key in
// ``ProviderForm/keyHeader``: the same key with the same body is the same act, and has the same answer.

package enum ProviderForm {
    /// The header with the key of an act (draft-ietf-httpapi-idempotency-key-header).
    package static let keyHeader = "Idempotency-Key"
    package static let keyBytes = 128
    package static let paymentsPath = "/v1/payments"
    package static let refundsPath = "/v1/refunds"

    /// Whether a text is a key: printable ASCII without spaces.
    package static func isKey(_ text: String) -> Bool {
        (1...self.keyBytes).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) }
    }
}

/// `POST /v1/payments`: a buyer pays for an order.
package struct ChargeBody: Hashable, Sendable, Codable {
    package let order: OrderID
    package let amount: Int64
    package let currency: String
    /// The name of the receiver that is told of the payment, of those that the provider knows.
    package let callback: String?
    /// How often, and after how long: of the sample provider alone, in place of the faults of the moment.
    package let callbackCopies: Int?
    package let callbackAfterMilliseconds: Int?

    package init(
        order: OrderID, amount: Int64, currency: String, callback: String? = nil, callbackCopies: Int? = nil,
        callbackAfterMilliseconds: Int? = nil
    ) {
        (self.order, self.amount, self.currency, self.callback) = (order, amount, currency, callback)
        (self.callbackCopies, self.callbackAfterMilliseconds) = (callbackCopies, callbackAfterMilliseconds)
    }
}

/// A payment that the provider has taken.
package struct ChargeDocument: Hashable, Sendable, Codable {
    package let payment: PaymentID
    package let order: OrderID
    package let amount: Int64
    package let currency: String
    /// What was given back of it, or will be.
    package let refunded: Int64
    /// `nil` if there can be no such amount.
    package var money: Money? { Money(amount: self.amount, currency: self.currency) }

    package init(payment: PaymentID, order: OrderID, amount: Int64, currency: String, refunded: Int64) {
        (self.payment, self.order, self.amount) = (payment, order, amount)
        (self.currency, self.refunded) = (currency, refunded)
    }
}

/// `GET /v1/payments?order=`: all payments that the provider has of one order. An empty list is a clear no.
package struct ChargesDocument: Hashable, Sendable, Codable {
    package let order: OrderID
    package let payments: [ChargeDocument]
    package init(order: OrderID, payments: [ChargeDocument]) { (self.order, self.payments) = (order, payments) }
}

/// `POST /v1/refunds`: give a payment, or a part of it, back.
package struct RefundBody: Hashable, Sendable, Codable {
    package let order: OrderID
    package let payment: PaymentID
    /// `nil`: all of it.
    package let amount: Int64?
    package let currency: String?

    package init(order: OrderID, payment: PaymentID, amount: Int64? = nil, currency: String? = nil) {
        (self.order, self.payment, self.amount, self.currency) = (order, payment, amount, currency)
    }

    package init(_ refund: Refund) {
        self.init(
            order: refund.order, payment: refund.payment, amount: refund.amount.isNone ? nil : refund.amount.minor,
            currency: refund.amount.isNone ? nil : refund.amount.currency.code)
    }
}

/// A refund as the provider has it.
package struct RefundDocument: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
        /// Accepted, and the money is on its way.
        case pending
        case done
        /// The provider cannot give it back: a person has to.
        case failed
    }
    package let key: String
    package let order: OrderID
    package let payment: PaymentID
    package let amount: Int64
    package let currency: String
    package let state: State
    /// `nil` if there can be no such amount.
    package var money: Money? { Money(amount: self.amount, currency: self.currency) }

    package init(
        key: String, order: OrderID, payment: PaymentID, amount: Int64, currency: String, state: State
    ) {
        (self.key, self.order, self.payment) = (key, order, payment)
        (self.amount, self.currency, self.state) = (amount, currency, state)
    }
}

extension Money {
    /// - Returns: `nil` if the amount is not in 1...``Limits/amount``, or there is no such currency.
    package init?(amount: Int64, currency: String) {
        guard amount > 0, let currency = Currency(currency) else { return nil }
        self.init(minor: amount, currency: currency)
    }
}
