/// The state of an order. Only reserved and contested orders can change; and an expired one whose payment came late can be paid.
package enum OrderState: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case reserved = 0
    case paid = 1
    case cancelled = 2
    case expired = 3
    /// Waits in the contest or on the waitlist.
    case contested = 4
    /// The contest had no stock for it.
    case lost = 5

    package var name: String {
        switch self {
        case .reserved: "reserved"
        case .paid: "paid"
        case .cancelled: "cancelled"
        case .expired: "expired"
        case .contested: "contested"
        case .lost: "lost"
        }
    }
    /// Whether the order keeps its stock.
    package var isLive: Bool { self == .reserved || self == .paid }

    package init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let state = OrderState.allCases.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "unknown order state \(name)"))
        }
        self = state
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.name)
    }
}

/// One buyer's order of one lot at the buyer's home unit.
package struct Order: Hashable, Sendable {
    package let id: OrderID
    package let buyer: BuyerID
    package let lot: LotID
    package let quantity: Int32
    /// The lot's per-buyer limit when the order was admitted: the ledger enforces it.
    package let buyerLimit: Int32
    package let generation: Generation
    package var state: OrderState
    package let stamp: Stamp
    /// When an unpaid reservation ends, or when an order of a contest ended without stock.
    package var deadline: Instant
    /// Of one item, when the order was admitted; ``Money/none`` if the lot had no price.
    package let price: Money
    /// What was paid of ``amount`` so far: all of it if the order is paid, and nothing if it has ended, because then all of it
    /// is due back.
    package var paid: Int64
    /// The shop's name for the order, if the request had one.
    package let reference: OrderReference?

    /// What the order costs; ``Money/none`` if its lot had no price.
    package var amount: Money { self.price * self.quantity }

    package init(
        id: OrderID, buyer: BuyerID, lot: LotID, quantity: Int, buyerLimit: Int, generation: Generation,
        state: OrderState = .reserved, stamp: Stamp, deadline: Instant, price: Money = .none, paid: Int64 = 0,
        reference: OrderReference? = nil
    ) {
        self.price = price
        self.paid = paid
        self.reference = reference
        self.id = id
        self.buyer = buyer
        self.lot = lot
        self.quantity = Int32(quantity)
        self.buyerLimit = Int32(buyerLimit)
        self.generation = generation
        self.state = state
        self.stamp = stamp
        self.deadline = deadline
    }
}

/// A payment provider's id of one payment: 1 to 64 printable ASCII characters, for the reasons of ``BuyerID``.
package struct PaymentID: Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: String
    package init?(_ rawValue: String) {
        guard (1...Limits.paymentBytes).contains(rawValue.utf8.count),
            rawValue.utf8.allSatisfy({ (32...126).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }
    package var description: String { self.rawValue }
}

extension PaymentID {
    package init(from decoder: any Decoder) throws {
        guard let payment = PaymentID(try decoder.singleValueContainer().decode(String.self)) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a payment id has 1...\(Limits.paymentBytes) printable ASCII characters"))
        }
        self = payment
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.rawValue)
    }
}
