package import LoadGenerator
package import TrancheCore

extension ClusterLayout {
    /// - Parameters:
    ///   - throughGates: Whether buyers get their tokens at the gates, as real ones do.
    ///   - price: Of one item; buyers pay at the sample provider then, if there is one.
    package func target(lot: LotID, throughGates: Bool = false, price: Money? = nil) -> LoadTarget {
        var target = LoadTarget(
            lot: lot, units: self.units.map { .init(id: $0.id, name: $0.name, url: $0.publicURL) },
            gates: (throughGates ? self.gates : []).map { .init(name: $0.name, url: $0.publicURL) },
            gateKey: self.secret("TRANCHE_GATE_KEY"),
            tokenSecret: self.secret("TRANCHE_TOKEN_SECRET"), paymentSecret: self.secret("TRANCHE_PAYMENT_SECRET"))
        if let providerURL, let price {
            target.provider = .init(url: providerURL, secret: self.secret(Self.providerSecretName), price: price)
        }
        return target
    }
}
