/// What a request of a gate or a unit is worth under overload, from the least to the most valuable.
package enum GateRequestClass: UInt8, Hashable, Comparable, Sendable, CaseIterable {
    /// Streams of events, pages, and everything else that only informs.
    case events
    case status
    /// A new entry into a line, and a new session.
    case entry
    /// A new token.
    case token
    /// A new order, of a buyer with a token.
    case purchase
    /// A notice of a payment provider. Never shed: a lost one costs a paid order.
    case payment
    /// The status of an order of the caller. Never shed: a buyer without an answer asks more often.
    case ownOrder
    /// A repetition of a request that was admitted before. Never shed: most of its work is done.
    case retry

    package var isProtected: Bool { self >= .payment }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
