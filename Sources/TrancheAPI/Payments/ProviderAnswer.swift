import TrancheCore

// What an answer of a payment provider says. Only a clear yes and a clear no are taken for one; everything else is unknown.

/// What the provider says of the payments of one order.
package enum PaymentAnswer: Hashable, Sendable {
    /// It has this payment, whole, and perhaps further ones.
    case paid([ChargeDocument])
    /// It has none, or has given all of them back.
    case unpaid
    /// It said neither. The reason is for people.
    case unknown(reason: String)

    /// - Parameters:
    ///   - status: Of the answer to ``ProviderForm/paymentsPath`` with `?order=`.
    ///   - order: The one that was asked for.
    package init(status: Int, body: [UInt8], order: OrderID) {
        // 404 may be a wrong address, and is no clear no.
        guard status == 200 else {
            self = .unknown(reason: "status \(status)")
            return
        }
        guard let document = try? JSON.decode(ChargesDocument.self, from: body) else {
            self = .unknown(reason: "status 200, and not a list of payments")
            return
        }
        self = Self.read(document, order)
    }

    private static func read(_ document: ChargesDocument, _ order: OrderID) -> PaymentAnswer {
        guard document.order == order else { return .unknown(reason: "the answer is about another order") }
        guard document.payments.count <= ProviderForm.paymentsPerOrder else {
            return .unknown(
                reason: "\(document.payments.count) payments, and at most \(ProviderForm.paymentsPerOrder) are read")
        }
        guard Set(document.payments.map(\.payment)).count == document.payments.count else {
            return .unknown(reason: "a payment is listed twice")
        }
        var whole: [ChargeDocument] = []
        for charge in document.payments {
            guard charge.order == order, ProviderForm.isCurrency(charge.currency),
                (1...ProviderForm.amountLimit).contains(charge.amount), (0...charge.amount).contains(charge.refunded)
            else { return .unknown(reason: "payment \(charge.payment) has values that cannot be") }
            switch charge.refunded {
            case 0: whole.append(charge)
            case charge.amount: break
            default: return .unknown(reason: "payment \(charge.payment) was given back in part")
            }
        }
        return whole.isEmpty ? .unpaid : .paid(whole)
    }
}

/// What the provider says of a new payment.
package enum ChargeAnswer: Hashable, Sendable {
    case taken(ChargeDocument)
    /// A repetition is useless.
    case refused(reason: String)
    /// Repeat it, under the same key.
    case unknown(reason: String)

    package init(status: Int, body: [UInt8], asked: ChargeBody) {
        switch status {
        case 200, 201:
            guard let charge = try? JSON.decode(ChargeDocument.self, from: body), charge.order == asked.order,
                charge.amount == asked.amount, charge.currency == asked.currency
            else {
                self = .unknown(reason: "status \(status), and not the payment that was asked for")
                return
            }
            self = .taken(charge)
        case 400, 404, 409, 422: self = .refused(reason: RefundAnswer.reason(status, body))
        default: self = .unknown(reason: "status \(status)")
        }
    }
}

/// What the provider says of a refund.
package enum RefundAnswer: Hashable, Sendable {
    /// The buyer has the money back.
    case done
    /// Accepted: ask again until it is done.
    case pending
    /// It will not be done, and a repetition under this key does not change that: a person has to look.
    case refused(reason: String)
    /// Repeat it, under the same key.
    case unknown(reason: String)

    /// - Parameters:
    ///   - status: Of the answer to a refund, or to a question for one.
    ///   - key: The one under which `asked` was sent.
    package init(status: Int, body: [UInt8], key: String, asked: RefundBody) {
        switch status {
        case 200, 201, 202:
            guard let refund = try? JSON.decode(RefundDocument.self, from: body), refund.key == key,
                refund.order == asked.order, refund.payment == asked.payment, refund.amount == asked.amount,
                refund.currency == asked.currency
            else {
                self = .unknown(reason: "status \(status), and not the refund that was asked for")
                return
            }
            switch refund.state {
            case .pending: self = .pending
            case .done: self = .done
            case .failed: self = .refused(reason: "the provider could not give it back")
            }
        case 400, 404, 409, 422: self = .refused(reason: Self.reason(status, body))
        default: self = .unknown(reason: "status \(status)")
        }
    }

    /// The code of a problem document, if there is one: its text may be long.
    static func reason(_ status: Int, _ body: [UInt8]) -> String {
        struct Coded: Decodable { let code: String }
        let code = (try? JSON.decode(Coded.self, from: body))?.code.prefix(64)
        return "status \(status)" + (code.map { ", \($0)" } ?? "")
    }
}
