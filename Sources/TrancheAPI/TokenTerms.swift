package import TrancheCore

/// Which genuine tokens of a sale are accepted now. Form, key and signature were checked before: ``TokenCodec``.
///
/// A token of a *later* epoch than the sale's is accepted: a gate may learn of a revocation before a unit does, and what it
/// makes from then on is good.
package struct TokenTerms: Hashable, Sendable {
    package let blocked: Set<BuyerID>
    /// Tokens of earlier epochs are refused.
    package let epoch: RevocationEpoch

    /// No buyer is blocked, and no token is revoked.
    package static let ordinary = TokenTerms()

    package init(blocked: Set<BuyerID> = [], epoch: RevocationEpoch = .first) {
        (self.blocked, self.epoch) = (blocked, epoch)
    }

    /// Why a token makes no order at `now`; `nil` if it may. An order that is known is answered nevertheless.
    package func refusal(of token: PurchaseToken, now: Instant) -> TokenError? {
        if self.blocked.contains(token.buyer) { return .blocked }
        // Before the times: a new token of the same order helps.
        if token.epoch < self.epoch { return .revoked(token.epoch, current: self.epoch) }
        if now >= token.expiresAt { return .expired(at: token.expiresAt) }
        return now < token.notBefore ? .early(notBefore: token.notBefore) : nil
    }
}
