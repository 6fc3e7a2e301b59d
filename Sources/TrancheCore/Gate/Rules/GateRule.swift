/// One condition that a buyer must fulfil in a sale.
package struct GateRule: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        /// The shop's level of the buyer is at least this one.
        case level(atLeast: Int)
        /// The buyer's account is at least this many days old. An account of unknown age is too young.
        case accountAge(days: Int)
        case member
        /// Nobody but the buyers of a list.
        case allowBuyers(list: String)
        case blockBuyers(list: String)
        /// Nobody but the addresses of a list.
        case allowAddresses(list: String)
        case blockAddresses(list: String)
    }
    package enum Mode: String, Hashable, Sendable, Codable, CaseIterable {
        /// A buyer who breaks the rule is refused.
        case enforce
        /// A buyer who breaks the rule is only counted: to try a rule before it is used.
        case observe
    }

    /// Named in refusals and figures.
    package let id: String
    package let condition: Condition
    package let mode: Mode

    package init(id: String, _ condition: Condition, mode: Mode = .enforce) {
        (self.id, self.condition, self.mode) = (id, condition, mode)
    }
}

/// The lists that rules name.
package struct GateLists: Hashable, Sendable {
    package var buyers: [String: BuyerSet]
    package var addresses: [String: AddressSet]

    package init(buyers: [String: BuyerSet] = [:], addresses: [String: AddressSet] = [:]) {
        (self.buyers, self.addresses) = (buyers, addresses)
    }
}
