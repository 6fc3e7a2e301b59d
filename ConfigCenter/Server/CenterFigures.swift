import DaemonSupport
import TrancheAPI
import TrancheCore

/// The figures of the center that leads: where the stock is, by the log, and what it knows of units. A center that does not
/// lead shows none of them: they would be old.
struct CenterFigures: Sendable {
    private typealias Gauges = [(value: String, gauge: Double)]

    let telemetry: Telemetry

    /// One place where stock can be. By rule I1 the first is the sum of the others.
    private static let places: [(name: String, help: String, items: @Sendable (QuotaState.Lot) -> Int)] = [
        ("issued", "Stock of the lot.", { $0.issued }),
        ("pool", "Stock that no unit holds.", { $0.pool }),
        ("outstanding", "Stock that units hold, or have sold.", { $0.outstanding }),
        ("stranded", "Stock that waits for settlement.", { $0.stranded }),
        ("carried", "Stock that became the stock of another sale.", { $0.carried ?? 0 }),
    ]

    /// - Parameter state: `nil` from a center that does not lead.
    func publish(
        _ state: QuotaState?, _ config: SaleConfig, version: Int, alarms: Int, claimed: Set<UnitID> = []
    ) {
        // The newest lots have series of their own, if there are more than may be.
        let lots = (state?.lots ?? []).sorted { $0.lot > $1.lot }
        for place in Self.places {
            self.telemetry.replace(
                "tranche_\(place.name)", place.help, label: "lot",
                with: lots.map { ("\($0.lot)", Double(place.items($0))) })
        }
        let sums: Gauges = Self.places.map { place in (place.name, Double(lots.reduce(0) { $0 + place.items($1) })) }
        self.telemetry.replace(
            "tranche_stock_items", "Stock of all lots, by its place in the log.", label: "place",
            with: state == nil ? [] : sums)
        self.publishLives(of: lots, config)
        self.publishUnits(lots, config)
        let claims: Gauges = config.units.map { ($0.name, claimed.contains($0.id) ? 1.0 : 0.0) }
        self.telemetry.replace(
            "tranche_unit_claimed", "1 while a second process claims a unit, whose own process lives.", label: "unit",
            with: state == nil ? [] : claims)
        self.telemetry.set("tranche_alarms", "Recent alarms about units' messages.", to: Double(alarms))
        let epochs: Gauges =
            state.map {
                [("center", Double($0.epoch.rawValue)), ("coordinator", Double($0.coordinatorEpoch.rawValue))]
            }
            ?? []
        self.telemetry.replace("tranche_epoch", "Epoch of whoever leads.", label: "role", with: epochs)
        // The others have the same name without a label of this kind.
        self.telemetry.replace(
            "tranche_config_version", "The version of the configuration that the process applies.", label: "role",
            with: state == nil ? [] : [("center", Double(version))])
    }

    /// The lots that are on sale: what is left of them, and since when they are sold.
    private func publishLives(of lots: [QuotaState.Lot], _ config: SaleConfig) {
        let begins = Dictionary(
            config.sales.filter { $0.state == .open }
                .flatMap { sale in sale.lots.map { ($0.id, sale.startsAtMilliseconds) } },
            uniquingKeysWith: { first, _ in first })
        var (left, opened): (Gauges, Gauges) = ([], [])
        for lot in lots {
            guard let begin = begins[lot.lot] else { continue }
            let live = lot.units.reduce(0) { $0 + $1.live }
            left.append(("\(lot.lot)", Double(lot.issued - live)))
            opened.append(("\(lot.lot)", Double(begin) / 1_000))
        }
        self.telemetry.replace(
            "tranche_left", "Items of an open lot that no buyer holds, by the last reports of the units.", label: "lot",
            with: left)
        self.telemetry.replace(
            "tranche_opened_timestamp_seconds", "When the sale of an open lot begins, in seconds since 1970.",
            label: "lot", with: opened)
    }

    private func publishUnits(_ lots: [QuotaState.Lot], _ config: SaleConfig) {
        var silent: [UnitID: Int64] = [:]
        for unit in lots.lazy.flatMap(\.units) {
            if let milliseconds = unit.silentMilliseconds { silent[unit.unit] = milliseconds }
        }
        let units: Gauges = silent.sorted { $0.key < $1.key }.compactMap { unit, milliseconds in
            config.unit(unit).map { ($0.name, Double(milliseconds) / 1_000) }
        }
        self.telemetry.replace(
            "tranche_unit_silent_seconds", "Since the center has heard of a unit that has had quota.", label: "unit",
            with: units)
    }
}

extension QuotaState.Lot {
    /// Granted or allocated, and not returned, in generations that are not stranded.
    fileprivate var outstanding: Int { self.units.reduce(0) { $0 + ($1.isStranded ? 0 : $1.outstanding) } }
}
