package import TrancheCore

extension SaleConfig {
    /// A sale's rollout, as the core's rules read it; `nil` if no new rules are on their way.
    package func stagedRollout(of sale: Sale) -> StagedRollout? {
        guard let staged = sale.staged, let fleet = self.fleet(of: sale, pilot: staged.unit) else { return nil }
        return StagedRollout(
            terms: staged.terms.terms, fleet: fleet, stage: staged.stage, isHeld: staged.held != nil)
    }
}

extension RulesDocument {
    /// - Parameters:
    ///   - seen: What the center has seen of the rollout; `nil` without one.
    ///   - results: What was counted since the opening.
    package init(
        _ sale: SaleConfig.Sale, _ config: SaleConfig, version: Int, seen: StagedRollout.Seen?,
        results: SaleConfig.Results?
    ) {
        let sellers = Set(config.sellers(in: sale))
        let units = config.units.filter { sellers.isEmpty || sellers.contains($0.id) }.sorted { $0.id < $1.id }
        let rollout = config.stagedRollout(of: sale)
        self.init(
            sale: sale.id, version: version, variants: sale.variants ?? [],
            staged: rollout.flatMap { Self.staged(sale, $0, seen) }, alike: sale.rulesAlike ?? false,
            units: units.map { unit in
                let own = config.change(of: sale, at: unit).map { sale.with($0) } ?? sale
                let isNew = rollout.map { $0.fleet.reaches(unit.id, in: $0.stage) && sale.rulesAlike != true } ?? false
                return Unit(
                    unit: unit.name, region: unit.region, variant: config.variant(of: sale, at: unit)?.name,
                    hasNewRules: isNew,
                    limits: Dictionary(
                        own.lots.map { ($0.id.description, $0.perBuyerLimit) }, uniquingKeysWith: { one, _ in one }),
                    figures: FiguresDocument(results?.units[unit.name] ?? PurchaseFigures()))
            })
    }

    private static func staged(
        _ sale: SaleConfig.Sale, _ rollout: StagedRollout, _ seen: StagedRollout.Seen?
    ) -> Staged? {
        guard let staged = sale.staged else { return nil }
        let region = rollout.fleet.regions[rollout.fleet.pilot] ?? ""
        let empty = PurchaseFigures()
        return Staged(
            stage: staged.stage, next: rollout.fleet.stage(after: staged.stage), unit: staged.unit,
            rules: staged.rules, held: staged.held,
            reachesGates: rollout.fleet.reaches(gatesOf: region, in: staged.stage),
            watchedMilliseconds: seen?.watchedMilliseconds ?? 0,
            watchMilliseconds: rollout.terms.watchMilliseconds, new: FiguresDocument(seen?.new ?? empty),
            old: FiguresDocument(seen?.old ?? empty), before: FiguresDocument(seen?.before ?? empty),
            newGates: staged.rules.touchesGates ? seen.map { FiguresDocument($0.gates.new) } : nil,
            oldGates: staged.rules.touchesGates ? seen.map { FiguresDocument($0.gates.old) } : nil)
    }
}
