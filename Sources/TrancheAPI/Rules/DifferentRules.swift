package import TrancheCore

// Rules that are not the same in all units of a sale: variants, which differ on purpose, and a staged rollout, which
// comes to an end. Every unit and every gate has the whole configuration, and finds its own rules in it.

extension SaleConfig {
    /// Rules of some units or regions that differ from the sale's on purpose.
    package struct Variant: Hashable, Sendable, Codable {
        package let name: String
        /// Names of units; either these or regions.
        package let units: [String]?
        package let regions: [String]?
        package let rules: RuleChange
        package init(name: String, units: [String]? = nil, regions: [String]? = nil, rules: RuleChange) {
            (self.name, self.units, self.regions, self.rules) = (name, units, regions, rules)
        }
    }

    /// New rules on their way to all units of a sale.
    package struct Staged: Hashable, Sendable, Codable {
        /// Why it holds.
        package struct Held: Hashable, Sendable, Codable {
            package let code: String
            package let detail: String
            package let atMilliseconds: Int64
            package init(code: String, detail: String, atMilliseconds: Int64) {
                (self.code, self.detail, self.atMilliseconds) = (code, detail, atMilliseconds)
            }
        }
        package let rules: RuleChange
        /// The name of the first unit.
        package let unit: String
        package let terms: RolloutTerms
        package var stage: StagedRollout.Stage
        /// When the watch of the stage began.
        package var watchedSinceMilliseconds: Int64
        package var held: Held?
        /// What units had answered in the minute before, by name.
        package let before: [String: PurchaseFigures]
        /// The same of gates, by region.
        package let gatesBefore: [String: PurchaseFigures]?
        package init(
            rules: RuleChange, unit: String, terms: RolloutTerms, stage: StagedRollout.Stage,
            watchedSinceMilliseconds: Int64, before: [String: PurchaseFigures],
            gatesBefore: [String: PurchaseFigures]? = nil
        ) {
            self.gatesBefore = gatesBefore
            (self.rules, self.unit, self.terms, self.stage) = (rules, unit, terms, stage)
            (self.watchedSinceMilliseconds, self.before) = (watchedSinceMilliseconds, before)
        }
    }

    /// What was counted while a sale was open: the figures of its units, and since when.
    package struct Results: Hashable, Sendable, Codable {
        package let sinceMilliseconds: Int64
        package let untilMilliseconds: Int64
        /// By unit. They are of everything that the unit answered meanwhile.
        package let units: [String: PurchaseFigures]
        /// Other sales that were open meanwhile, whose purchases are in the figures, too.
        package let others: [String]?
        /// What gates answered, by region.
        package let gates: [String: PurchaseFigures]?
        package init(
            sinceMilliseconds: Int64, untilMilliseconds: Int64, units: [String: PurchaseFigures], others: [String]?,
            gates: [String: PurchaseFigures]? = nil
        ) {
            self.gates = gates
            (self.sinceMilliseconds, self.untilMilliseconds) = (sinceMilliseconds, untilMilliseconds)
            (self.units, self.others) = (units, others)
        }
    }
}

/// What is asked of a stage; the defaults stand for values that are not given.
package struct RolloutTerms: Hashable, Sendable, Codable {
    package let watchMilliseconds: Int64?
    package let risePermille: Int?
    package let latencyPercent: Int?
    package let leastAnswers: Int?
    package init(
        watchMilliseconds: Int64? = nil, risePermille: Int? = nil, latencyPercent: Int? = nil, leastAnswers: Int? = nil
    ) {
        (self.watchMilliseconds, self.risePermille) = (watchMilliseconds, risePermille)
        (self.latencyPercent, self.leastAnswers) = (latencyPercent, leastAnswers)
    }

    package static let watchDefault: Int64 = 60_000
    package static let riseDefault = 50
    package static let latencyDefault = 200
    package static let leastDefault = 100
    package static let watchLimits: ClosedRange<Int64> = 1_000...3_600_000
    package static let riseLimits = 1...1_000
    package static let latencyLimits = 101...10_000
    package static let leastLimits = 1...1_000_000

    package var terms: StagedRollout.Terms {
        StagedRollout.Terms(
            watchMilliseconds: self.watchMilliseconds ?? Self.watchDefault,
            risePermille: self.risePermille ?? Self.riseDefault,
            latencyPercent: self.latencyPercent ?? Self.latencyDefault,
            leastAnswers: self.leastAnswers ?? Self.leastDefault)
    }
}

extension SaleConfig {
    /// The units of a sale, as a staged rollout reads them; `nil` if its first unit is not known.
    package func fleet(of sale: Sale, pilot: String) -> StagedRollout.Fleet? {
        guard let pilot = self.unit(named: pilot) else { return nil }
        let sellers = Set(self.sellers(in: sale))
        let units = self.units.filter { sellers.isEmpty || sellers.contains($0.id) }
        return StagedRollout.Fleet(
            regions: Dictionary(units.map { ($0.id, $0.region) }, uniquingKeysWith: { first, _ in first }),
            pilot: pilot.id)
    }

    /// The variant whose rules a unit has; `nil` if it has the sale's own.
    package func variant(of sale: Sale, at unit: Unit) -> Variant? {
        guard sale.rulesAlike != true else { return nil }
        return sale.variants?.first {
            $0.units?.contains(unit.name) == true || $0.regions?.contains(unit.region) == true
        }
    }

    /// What is other than the sale's own rules in a unit.
    package func change(of sale: Sale, at unit: Unit) -> RuleChange? {
        guard sale.rulesAlike != true else { return nil }
        if let variant = self.variant(of: sale, at: unit) { return variant.rules }
        guard let staged = sale.staged, let fleet = self.fleet(of: sale, pilot: staged.unit) else { return nil }
        return fleet.reaches(unit.id, in: staged.stage) ? staged.rules : nil
    }

    /// What is other than the sale's own rules at the gates of a region.
    private func change(of sale: Sale, gatesOf region: String) -> RuleChange? {
        guard sale.rulesAlike != true else { return nil }
        if let variant = sale.variants?.first(where: { $0.regions?.contains(region) == true }) { return variant.rules }
        guard let staged = sale.staged, let fleet = self.fleet(of: sale, pilot: staged.unit) else { return nil }
        return fleet.reaches(gatesOf: region, in: staged.stage) ? staged.rules : nil
    }

    /// This configuration with the rules that a unit has as the sales' own; itself if the unit has no others.
    package func seen(by unit: UnitID) -> SaleConfig {
        guard self.sales.contains(where: \.hasDifferentRules), let unit = self.unit(unit) else { return self }
        var config = self
        for index in config.sales.indices {
            if let change = self.change(of: self.sales[index], at: unit) {
                config.sales[index] = self.sales[index].with(change)
            }
        }
        return config
    }

    /// This configuration with the rules that the gates of a region have as the sales' own.
    package func seen(byGatesOf region: String) -> SaleConfig {
        guard self.sales.contains(where: \.hasDifferentRules) else { return self }
        var config = self
        for index in config.sales.indices {
            if let change = self.change(of: self.sales[index], gatesOf: region) {
                config.sales[index] = self.sales[index].with(change)
            }
        }
        return config
    }

    /// The rules that the state machines of a unit need.
    package func rules(at unit: UnitID) -> [LotRules] {
        let own = self.rules
        let seen = self.seen(by: unit)
        guard seen != self else { return own }
        return zip(seen.rules, own).map { rules, own in rules.contested(likewise: own) }
    }
}

extension SaleConfig.Sale {
    /// Whether any unit may have other rules than the sale's own.
    package var hasDifferentRules: Bool {
        self.rulesAlike != true && (self.variants?.isEmpty == false || self.staged != nil)
    }

    /// The highest limit of a lot that any unit has, or can have.
    package func highestLimit(of lot: SaleConfig.Lot) -> Int {
        let changes = (self.variants ?? []).map(\.rules) + (self.staged.map { [$0.rules] } ?? [])
        return changes.reduce(lot.perBuyerLimit) { max($0, $1.limits?[lot.id.description] ?? 0) }
    }

    /// How buyers come to a token of a lot where they wait at all. Where the line differs, there is one line, and other
    /// regions have none.
    package func linePolicy(of lot: SaleConfig.Lot) -> LinePolicy {
        guard self.hasDifferentRules, !lot.policy.needsEntry else { return lot.policy }
        let others = (self.variants ?? []).compactMap { $0.rules.lines?[lot.id.description] }
        return others.first { $0.needsEntry } ?? lot.policy
    }
}
