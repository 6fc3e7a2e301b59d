/// A currency by its three capital letters (ISO 4217), in two bytes, so that an order has no further text.
package struct Currency: Hashable, Sendable, CustomStringConvertible {
    /// Three numbers of five bits, 1 for A; 0 for no currency.
    package let rawValue: UInt16
    package static let none = Currency(unchecked: 0)

    private init(unchecked rawValue: UInt16) { self.rawValue = rawValue }

    /// - Returns: `nil` if the text is not three capital letters.
    package init?(_ code: some StringProtocol) {
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (65...90).contains($0) }) else { return nil }
        self.rawValue = code.utf8.reduce(0) { $0 << 5 | UInt16($1 - 64) }
    }

    /// - Returns: `nil` if the number stands for no currency.
    package init?(rawValue: UInt16) {
        guard rawValue < 1 << 15, (0..<3).allSatisfy({ (1...26).contains(rawValue >> (5 * $0) & 31) }) else {
            return nil
        }
        self.rawValue = rawValue
    }

    package var code: String {
        guard self != .none else { return "" }
        let letters = (0..<3).map { UInt8(self.rawValue >> (10 - 5 * $0) & 31) + 64 }
        return String(decoding: letters, as: UTF8.self)
    }
    package var description: String { self.code }
}

/// An amount of money in the minor units of its currency, as cents: 0 or more.
package struct Money: Hashable, Sendable, CustomStringConvertible {
    package let minor: Int64
    package let currency: Currency
    /// What a lot without a price costs: payments for its orders have no amount.
    package static let none = Money(unchecked: 0, .none)

    private init(unchecked minor: Int64, _ currency: Currency) { (self.minor, self.currency) = (minor, currency) }

    /// - Returns: `nil` if there is no currency, or the amount is not in 0...``Limits/amount``.
    package init?(minor: Int64, currency: Currency) {
        guard currency != .none, (0...Limits.amount).contains(minor) else { return nil }
        (self.minor, self.currency) = (minor, currency)
    }

    package var isNone: Bool { self.currency == .none }

    /// - Precondition: The product is within the limit: a price times a quantity of an order is.
    package static func * (price: Money, quantity: Int32) -> Money {
        Money(unchecked: price.minor * Int64(quantity), price.currency)
    }

    /// The same currency with another amount.
    package func with(minor: Int64) -> Money { Money(unchecked: minor, self.currency) }

    package var description: String { self.isNone ? "no amount" : "\(self.minor) \(self.currency)" }
}

/// A shop's own name for an order, which means nothing here: 1 to 64 printable ASCII characters.
package struct OrderReference: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init?(_ rawValue: String) {
        guard (1...Limits.referenceBytes).contains(rawValue.utf8.count),
            rawValue.utf8.allSatisfy({ (32...126).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }
    package var description: String { self.rawValue }
}

extension OrderReference: Codable {
    package init(from decoder: any Decoder) throws {
        guard let reference = OrderReference(try decoder.singleValueContainer().decode(String.self)) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a reference has 1...\(Limits.referenceBytes) printable ASCII characters"))
        }
        self = reference
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.rawValue)
    }
}
