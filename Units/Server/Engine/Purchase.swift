import TrancheAPI
import TrancheCore

/// What a buyer asks for by a genuine token.
struct Purchase: Sendable {
    let order: OrderID
    let buyer: BuyerID
    let lot: LotID
    let quantity: Int
    let issuedAt: Instant
    /// The token is used too early or too late. An order that is known is answered whatever the clock says: one order
    /// id has one outcome.
    let untimely: TokenError?
}
