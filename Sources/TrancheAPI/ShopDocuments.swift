package import TrancheCore

/// The body of a request for a purchase token.
package struct MintBody: Hashable, Sendable, Codable {
    package let lot: LotID
    package let buyer: BuyerID
    package let notBeforeMilliseconds: Int64?
    package let lifetimeSeconds: Int?
    /// Always refused: two regions for one buyer would give the buyer two homes.
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
