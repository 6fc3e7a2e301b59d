package import TrancheCore

/// What the internal endpoint mints a token from.
package struct MintBody: Hashable, Sendable, Codable {
    package let lot: LotID
    package let buyer: BuyerID
    package let notBeforeMilliseconds: Int64?
    package let lifetimeSeconds: Int?
    /// Refused: a caller that named two regions for one buyer would get two homes.
    package let region: String?
    package init(
        lot: LotID, buyer: BuyerID, notBeforeMilliseconds: Int64? = nil, lifetimeSeconds: Int? = nil,
        region: String? = nil
    ) {
        self.region = region
        self.lot = lot
        self.buyer = buyer
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.lifetimeSeconds = lifetimeSeconds
    }
}

package struct MintedToken: Hashable, Sendable, Codable {
    package let token: String
    package let order: OrderID
    package let home: UnitID
    package init(token: String, order: OrderID, home: UnitID) {
        self.token = token
        self.order = order
        self.home = home
    }
}
