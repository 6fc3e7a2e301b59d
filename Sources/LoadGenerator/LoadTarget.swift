package import TrancheCore

/// The units and the lot that a crowd buys from.
package struct LoadTarget: Sendable {
    package struct Unit: Sendable {
        package let id: UnitID
        package let name: String
        package let url: String
        package init(id: UnitID, name: String, url: String) { (self.id, self.name, self.url) = (id, name, url) }
    }
    /// The gate of a region.
    package struct Gate: Sendable {
        package let name: String
        package let url: String
        package init(name: String, url: String) { (self.name, self.url) = (name, url) }
    }
    /// The payment provider where buyers pay.
    package struct Provider: Sendable {
        package let url: String
        package let secret: String
        /// Of one item.
        package let price: Money
        package init(url: String, secret: String, price: Money) {
            (self.url, self.secret, self.price) = (url, secret, price)
        }
    }
    package let lot: LotID
    package let units: [Unit]
    /// In the order of the units' regions; empty: buyers come with tokens, and call the units at once.
    package let gates: [Gate]
    /// The gates' secret, which makes the identities of buyers.
    package let gateKey: String
    package let tokenSecret: String
    package let paymentSecret: String
    /// `nil`: the crowd is its own payment provider, and calls the units back.
    package var provider: Provider?
    /// Of the tokens that buyers bring without a gate.
    package var epoch = RevocationEpoch.first
    package init(
        lot: LotID, units: [Unit], gates: [Gate] = [], gateKey: String = "", tokenSecret: String, paymentSecret: String
    ) {
        self.lot = lot
        self.units = units
        self.gates = gates
        self.gateKey = gateKey
        self.tokenSecret = tokenSecret
        self.paymentSecret = paymentSecret
    }
}
