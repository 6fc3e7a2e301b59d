/// The name of one refund for ever: a provider that is told twice refunds once.
package struct RefundKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let order: OrderID
    /// From 1 for each order.
    package let number: Int
    package init(order: OrderID, number: Int) { (self.order, self.number) = (order, number) }
    package var description: String { "refund:\(self.order):\(self.number)" }
    package static func < (left: RefundKey, right: RefundKey) -> Bool {
        (left.order, left.number) < (right.order, right.number)
    }
}

/// Money that has to be given back, all of one payment or a part of it.
package struct Refund: Hashable, Sendable {
    package let order: OrderID
    /// From 1 for each order; 0 in entries of earlier versions, which the book numbers as it reads them.
    package internal(set) var number: Int
    package let payment: PaymentID
    /// ``Money/none``: the whole payment, whatever it was.
    package let amount: Money
    package let reason: RefundReason
    /// Whether the unit has it carried out. The unit had no provider otherwise: whoever reads the list carries it out.
    package let isByProvider: Bool
    /// Whether the provider has said that it is carried out.
    package internal(set) var isDone: Bool

    package init(
        order: OrderID, number: Int = 1, payment: PaymentID, amount: Money = .none, reason: RefundReason,
        isByProvider: Bool = false, isDone: Bool = false
    ) {
        (self.order, self.number, self.payment) = (order, number, payment)
        (self.amount, self.reason, self.isDone) = (amount, reason, isDone)
        self.isByProvider = isByProvider
    }
    package var key: RefundKey { RefundKey(order: self.order, number: self.number) }
}

extension Refund: Codable {
    private enum Field: String, CodingKey {
        case order, number, payment, amount, currency, reason, key, isByProvider, isDone
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Field.self)
        var amount = Money.none
        if let minor = try fields.decodeIfPresent(Int64.self, forKey: .amount) {
            let code = try fields.decode(String.self, forKey: .currency)
            guard let currency = Currency(code), let money = Money(minor: minor, currency: currency) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .amount, in: fields, debugDescription: "no amount of money: \(minor) \(code)")
            }
            amount = money
        }
        self.init(
            order: try fields.decode(OrderID.self, forKey: .order),
            number: try fields.decodeIfPresent(Int.self, forKey: .number) ?? 1,
            payment: try fields.decode(PaymentID.self, forKey: .payment), amount: amount,
            reason: try fields.decode(RefundReason.self, forKey: .reason),
            isByProvider: try fields.decodeIfPresent(Bool.self, forKey: .isByProvider) ?? false,
            isDone: try fields.decodeIfPresent(Bool.self, forKey: .isDone) ?? false)
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Field.self)
        try fields.encode(self.order, forKey: .order)
        try fields.encode(self.number, forKey: .number)
        try fields.encode(self.key.description, forKey: .key)
        try fields.encode(self.payment, forKey: .payment)
        if !self.amount.isNone {
            try fields.encode(self.amount.minor, forKey: .amount)
            try fields.encode(self.amount.currency.code, forKey: .currency)
        }
        try fields.encode(self.reason, forKey: .reason)
        try fields.encode(self.isByProvider, forKey: .isByProvider)
        try fields.encode(self.isDone, forKey: .isDone)
    }
}

/// Why a payment must be refunded.
package enum RefundReason: UInt8, Hashable, Sendable, Codable, CaseIterable {
    /// The order had ended when the payment came, or was paid already. Earlier versions did not distinguish the two.
    case orderOver = 0
    case alreadyPaid = 1
    /// The ledger has no order of this id; a replaced ledger may have had it.
    case unknownOrder = 2
    /// More came than the order costs.
    case overPaid = 3
    /// The payment is in another currency than the order's price.
    case otherCurrency = 4
    /// The payment names another lot than the order's.
    case otherLot = 5

    package var name: String {
        switch self {
        case .orderOver: "the order was over"
        case .alreadyPaid: "the order was paid for already"
        case .unknownOrder: "the ledger does not know the order"
        case .overPaid: "more was paid than the order costs"
        case .otherCurrency: "the payment is in another currency"
        case .otherLot: "the payment is for another lot"
        }
    }

    package init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let reason = RefundReason.allCases.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "unknown reason of a refund: \(name)"))
        }
        self = reason
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.name)
    }
}
