package import TrancheCore

/// Reads the answers of a payment provider. Only a clear yes and a clear no are taken for one; everything else is
/// unknown, with a reason for people.
package enum ProviderReading {
    /// - Parameters:
    ///   - status: Of the answer to ``ProviderForm/paymentsPath`` with `?order=`.
    ///   - order: The one that was asked for.
    package static func payments(
        status: Int, body: [UInt8], of order: OrderID
    ) -> (answer: ProviderAnswer, reason: String?) {
        // 404 may be a wrong address, and is no clear no.
        guard status == 200 else { return (.unknown, "status \(status)") }
        guard let document = try? JSON.decode(ChargesDocument.self, from: body) else {
            return (.unknown, "status 200, and not a list of payments")
        }
        guard document.order == order else { return (.unknown, "the answer is about another order") }
        guard document.payments.count <= Limits.paymentsPerOrder else {
            return (.unknown, "\(document.payments.count) payments, and at most \(Limits.paymentsPerOrder) are read")
        }
        guard Set(document.payments.map(\.payment)).count == document.payments.count else {
            return (.unknown, "a payment is listed twice")
        }
        var payments: [Payment] = []
        for charge in document.payments {
            guard charge.order == order, let amount = charge.money, (0...charge.amount).contains(charge.refunded) else {
                return (.unknown, "payment \(charge.payment) has values that cannot be")
            }
            payments.append(Payment(id: charge.payment, amount: amount))
        }
        return (payments.isEmpty ? .unpaid : .paid(payments), nil)
    }

    /// - Parameters:
    ///   - status: Of the answer to the refund, or to a question for it.
    ///   - refund: The one that was asked for.
    package static func refund(
        status: Int, body: [UInt8], of refund: Refund
    ) -> (answer: RefundAnswer, reason: String?) {
        switch status {
        case 200, 201, 202:
            guard let document = try? JSON.decode(RefundDocument.self, from: body),
                document.key == refund.key.description, document.order == refund.order, let amount = document.money
            else { return (.unknown, "status \(status), and not the refund that was asked for") }
            // The ledger was set back, perhaps: asking again brings the same answer for ever, so a person has to look.
            guard document.payment == refund.payment, refund.amount.isNone || refund.amount == amount else {
                return (.refused(reason: "it has another refund there: \(amount) of \(document.payment)"), nil)
            }
            switch document.state {
            case .pending: return (.pending, nil)
            case .done: return (.done, nil)
            case .failed: return (.refused(reason: "the provider could not give it back"), nil)
            }
        case 400, 404, 409, 422: return (.refused(reason: self.reason(status, body)), nil)
        // A credential that is refused is no word about the refund.
        default: return (.unknown, self.reason(status, body))
        }
    }

    /// - Parameters:
    ///   - status: Of the answer to a new payment.
    ///   - asked: The one that was asked for.
    package static func charge(status: Int, body: [UInt8], of asked: ChargeBody) -> ChargeAnswer {
        switch status {
        case 200, 201:
            guard let charge = try? JSON.decode(ChargeDocument.self, from: body), charge.order == asked.order,
                charge.amount == asked.amount, charge.currency == asked.currency
            else { return .unknown(reason: "status \(status), and not the payment that was asked for") }
            return .taken(charge)
        case 400, 404, 409, 422: return .refused(reason: self.reason(status, body))
        default: return .unknown(reason: self.reason(status, body))
        }
    }

    /// The code of a problem document, if there is one: its text may be long.
    private static func reason(_ status: Int, _ body: [UInt8]) -> String {
        struct Coded: Decodable { let code: String }
        let code = (try? JSON.decode(Coded.self, from: body))?.code.prefix(64)
        return "status \(status)" + (code.map { ", \($0)" } ?? "")
    }
}

/// What the provider says of a new payment.
package enum ChargeAnswer: Hashable, Sendable {
    case taken(ChargeDocument)
    /// A repetition is useless.
    case refused(reason: String)
    /// Repeat it, under the same key.
    case unknown(reason: String)
}
