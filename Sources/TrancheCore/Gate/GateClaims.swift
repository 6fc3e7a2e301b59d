/// What the shop says of a buyer, as the gate verified it.
package struct GateClaims: Hashable, Sendable {
    package let buyer: BuyerID
    /// The shop's own grade of its customers; 0 if it has none.
    package let level: Int
    package let isMember: Bool
    /// `nil` if the shop does not say it.
    package let accountCreatedAt: Instant?
    /// Where the buyer belongs: the units of this region sell to them. `nil`: all units share such buyers.
    package let region: String?

    package init(
        buyer: BuyerID, level: Int = 0, isMember: Bool = false, accountCreatedAt: Instant? = nil, region: String? = nil
    ) {
        self.buyer = buyer
        self.level = level
        self.isMember = isMember
        self.accountCreatedAt = accountCreatedAt
        self.region = region
    }
}
