/// What a gate knows of the last token of a buyer in a lot.
package enum AttemptState: Hashable, Sendable {
    /// The buyer has had no token. Can transition to: `live`.
    case none
    /// The token can be used. Can transition to: `lapsed`, `ordered`, `ended`.
    case live(UInt32)
    /// The token's life is over, and the gate does not know whether an order was made with it. Can transition to: `live`
    /// of the same number, `ordered`, `ended`.
    case lapsed(UInt32)
    /// The order exists and holds items, or is paid, or waits in a contest. Can transition to: `ended`.
    case ordered(UInt32)
    /// The unit said that the order id holds no items and never will: a final refusal, a cancelled or expired order. Can
    /// transition to: `live` of the next number.
    case ended(UInt32)
}

/// The number in a buyer's order ids. A token's order id is derived from buyer, lot and this number, so asking twice, in
/// a second tab or at another gate, mints the same token, and a second order needs a second number.
package struct Attempt: Hashable, Sendable {
    /// From 1.
    package let number: UInt32
    /// The number was never used before.
    package let isNew: Bool

    package init(number: UInt32, isNew: Bool) { (self.number, self.isNew) = (number, isNew) }
}

/// The rule for the next token of a buyer.
package enum Attempts {
    /// A new number only when the last one ended without an order.
    ///
    /// A lapsed token gets the same number again: if an order was made with it, the new token leads to that order, and
    /// if not, to a first one. With a new number a slow answer could make two orders.
    ///
    /// - Returns: `nil` after ``Limits/attempts`` numbers: this buyer gets no other token in this lot.
    package static func next(after state: AttemptState) -> Attempt? {
        switch state {
        case .none: Attempt(number: 1, isNew: true)
        case .live(let number), .lapsed(let number), .ordered(let number): Attempt(number: number, isNew: false)
        case .ended(let number): number < Limits.attempts ? Attempt(number: number + 1, isNew: true) : nil
        }
    }
}
