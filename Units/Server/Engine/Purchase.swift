import TrancheAPI
import TrancheCore

/// A buyer's request with a genuine token.
struct Purchase: Sendable {
    let order: OrderID
    let buyer: BuyerID
    let lot: LotID
    let quantity: Int
    let issuedAt: Instant
    /// The error of a token that is used too early or too late. A known order is answered nevertheless: one order id
    /// has one outcome.
    let untimely: TokenError?
}
