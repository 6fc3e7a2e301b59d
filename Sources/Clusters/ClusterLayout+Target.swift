package import LoadGenerator
package import TrancheCore

extension ClusterLayout {
    package func target(lot: LotID) -> LoadTarget {
        LoadTarget(
            lot: lot, units: self.units.map { .init(id: $0.id, name: $0.name, url: $0.publicURL) },
            tokenSecret: self.secret("TRANCHE_TOKEN_SECRET"), paymentSecret: self.secret("TRANCHE_PAYMENT_SECRET"))
    }
}
