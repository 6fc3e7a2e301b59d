package import TrancheCore

/// The price of one item of a lot, in a configuration.
package struct LotPrice: Hashable, Sendable, Codable {
    /// In minor units of the currency, as cents.
    package let amount: Int64
    /// Three capital letters (ISO 4217).
    package let currency: String

    package init(amount: Int64, currency: String) { (self.amount, self.currency) = (amount, currency) }

    /// `nil` if the price is not valid: no configuration that was accepted has one.
    package var money: Money? {
        guard (1...Limits.price).contains(self.amount) else { return nil }
        return Currency(self.currency).flatMap { Money(minor: self.amount, currency: $0) }
    }

    /// - Throws: ``Problem`` with code `invalid_config`, naming the bad value and the limit.
    func validate(_ lot: LotID) throws(Problem) {
        guard (1...Limits.price).contains(self.amount) else {
            throw .invalidConfig("lot \(lot): price \(self.amount) is not in 1...\(Limits.price) minor units")
        }
        guard Currency(self.currency) != nil else {
            throw .invalidConfig(
                "lot \(lot): currency \"\(self.currency.prefix(8))\" is not three capital letters (ISO 4217)")
        }
    }
}
