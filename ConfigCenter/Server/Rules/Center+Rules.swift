import DaemonSupport
import Logging
import Storage
import TrancheAPI
import TrancheCore

// Rules that are not the same in all units of a sale: variants, and staged rollouts. The core says what becomes of a
// rollout; each change is a version of the configuration.

extension Center {
    /// What stands in the audit trail in the place of an operator.
    private static let rolloutActor = "rollout"

    /// Replaces the variants of a sale.
    func set(
        _ variants: [SaleConfig.Variant], of id: String, expected: Int, actor: String, act: OperatorAct?
    ) async throws(Problem) {
        try await self.checkUncontested(id, wantsDifference: !variants.isEmpty)
        let names = variants.map(\.name).joined(separator: ", ")
        try await self.change(
            .variants, expected: expected, actor: actor,
            note: variants.isEmpty ? "end the variants of \(id)" : "variants of \(id): \(names)", act: act
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.sales[index] = try config.sales[index].with(variants)
            // Whoever names a unit now means one that there is, also for a draft.
            try config.sales[index].validateDifferentRules(config, namesMayBeUnknown: false)
        }
    }

    /// Begins a staged rollout.
    func begin(
        _ body: StagedBody, of id: String, expected: Int, actor: String, act: OperatorAct?
    ) async throws(Problem) {
        try await self.checkUncontested(id, wantsDifference: true)
        let recent = self.rules.recent
        try await self.change(
            .stage, expected: expected, actor: actor, note: "new rules of \(id) at \(body.unit) first", act: act
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            let sale = config.sales[index]
            guard let fleet = config.fleet(of: sale, pilot: body.unit), fleet.regions[fleet.pilot] != nil else {
                let known = config.units.map(\.name).sorted().prefix(20).joined(separator: ", ")
                throw Problem(
                    status: 422, code: "unknown_unit",
                    detail: "\"\(body.unit.prefix(64))\" is no unit of sale \(id), where the rollout could begin; "
                        + "units: "
                        + known)
            }
            let before = recent.units.compactMap { unit, figures in config.unit(unit).map { ($0.name, figures) } }
            let staged = SaleConfig.Staged(
                rules: body.rules, unit: body.unit, terms: body.terms ?? RolloutTerms(),
                stage: fleet.first(touchesUnits: body.rules.touchesUnits),
                watchedSinceMilliseconds: SystemClock.now().milliseconds,
                before: Dictionary(before, uniquingKeysWith: { first, _ in first }), gatesBefore: recent.gates)
            config.sales[index] = try sale.beginning(staged)
        }
    }

    /// Does what an operator wants with a sale's rollout.
    func take(
        _ act: StagedRollout.Act, of id: String, reason: String?, expected: Int, actor: String, key: OperatorAct?
    ) async throws(Problem) {
        let config = await self.book.config
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        if let key, try self.keeper.isDone(key) { return }
        // Also a sale without a rollout is asked: it has the words for that.
        let next = config.stagedRollout(of: sale).map { $0.next(act) } ?? .rollBack
        try await self.take(next, of: sale, config, reason: reason, expected: expected, actor: actor, act: key)
    }

    private func take(
        _ next: StagedRollout.Next, of sale: SaleConfig.Sale, _ config: SaleConfig, reason: String? = nil,
        expected: Int, actor: String, act: OperatorAct?
    ) async throws(Problem) {
        let (id, names) = (sale.id, UnitNames(config))
        let now = SystemClock.now()
        let note = next.note(id, names) + (reason.map { ": \($0)" } ?? "")
        try await self.change(next.change, expected: expected, actor: actor, note: note, act: act) {
            (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.sales[index] = try config.sales[index].taking(next, names, now: now)
        }
    }

    /// Looks at all sales whose rules differ, and takes what follows by itself.
    ///
    /// - Returns: Rollouts that are under way, and those of them that are held.
    func keepRules() async -> (underWay: Int, held: Int) {
        let config = await self.book.config
        self.rules.follow(config, now: SystemClock.now())
        for id in config.sales.filter({ $0.staged != nil || $0.hasDifferentRules }).map(\.id) {
            await self.keepRules(of: id)
        }
        let staged = await self.book.config.sales.compactMap(\.staged)
        return (staged.count, staged.count { $0.held != nil })
    }

    private func keepRules(of id: String) async {
        // Read anew: what was done for another sale is a new version.
        let (config, version, rollout) = await self.book.state
        guard let sale = config.sales.first(where: { $0.id == id }) else { return }
        do throws(Problem) {
            let contested = try await self.contestedLot(of: sale)
            if let seen = self.seen(of: sale, config, version: version, rollout, contested: contested),
                let staged = config.stagedRollout(of: sale)
            {
                let next = staged.next(seen)
                if next != .wait {
                    try await self.take(
                        next, of: sale, config, expected: version, actor: Self.rolloutActor, act: nil)
                }
            } else if let contested, sale.hasDifferentRules {
                try await self.change(
                    .sameRules, expected: version, actor: Self.rolloutActor,
                    note: "lot \(contested) of \(id) is contested: the rules are the same everywhere"
                ) { (config) throws(Problem) in
                    guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
                    config.sales[index].rulesAlike = true
                }
            }
        } catch {
            // A newer version came between: the next look reads it. Anything else is in the way of that one, too.
            guard error.code != "precondition_failed" else { return }
            self.keeper.logger.warning(
                "a rollout could not go on", metadata: ["sale": "\(id)", "reason": "\(error.code): \(error.detail)"])
        }
    }

    private func contestedLot(of sale: SaleConfig.Sale) async throws(Problem) -> LotID? {
        let lots = sale.lots.map(\.id)
        return try await self.keeper.perform { authority, _ in
            lots.first { authority.book.lots[$0]?.contest != nil }
        }
    }

    private func checkUncontested(_ id: String, wantsDifference: Bool) async throws(Problem) {
        let sale = await self.book.config.sales.first { $0.id == id }
        guard let sale, wantsDifference, let lot = try await self.contestedLot(of: sale) else { return }
        throw .contestedLot(lot, id, "is contested")
    }

    /// `nil` for a sale without a rollout.
    private func seen(
        of sale: SaleConfig.Sale, _ config: SaleConfig, version: Int, _ rollout: Rollout, contested: LotID?
    ) -> StagedRollout.Seen? {
        guard let staged = sale.staged, let fleet = config.fleet(of: sale, pilot: staged.unit) else { return nil }
        let units = fleet.regions.keys.sorted()
        let reached = units.filter { fleet.reaches($0, in: staged.stage) }
        let look = self.rules.look(sale.id, staged, reached: reached, version: version, rollout)
        func sum<Source: Hashable>(
            _ figures: [Source: PurchaseFigures], _ isCounted: (Source) -> Bool
        ) -> PurchaseFigures {
            figures.filter { isCounted($0.key) }.values.reduce(PurchaseFigures(), +)
        }
        let names = Set(reached.compactMap { config.unit($0)?.name })
        let isReady = look.unheard.isEmpty
        func isNew(_ region: String) -> Bool { fleet.reaches(gatesOf: region, in: staged.stage) }
        let gates = StagedRollout.Gates(
            new: sum(look.gates, isNew), old: sum(look.gates) { !isNew($0) },
            before: sum(staged.gatesBefore ?? [:], isNew))
        return StagedRollout.Seen(
            state: sale.state, watchedMilliseconds: isReady ? look.milliseconds : 0,
            new: sum(look.units) { reached.contains($0) },
            old: sum(look.units) { fleet.regions[$0] != nil && !reached.contains($0) },
            before: sum(staged.before) { names.contains($0) },
            gates: staged.rules.touchesGates ? gates : StagedRollout.Gates(), unheard: look.unheard,
            unheardMilliseconds: isReady ? 0 : look.milliseconds, refusal: rollout.refusal, contested: contested)
    }

    /// The rules of a sale's units beside each other.
    func rulesDocument(of id: String) async throws(Problem) -> RulesDocument {
        let (config, version, rollout) = await self.book.state
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        let seen = self.seen(of: sale, config, version: version, rollout, contested: nil)
        let results = sale.results ?? self.rules.results(of: sale, config)
        return RulesDocument(sale, config, version: version, seen: seen, results: results)
    }
}

extension StagedRollout.Next {
    fileprivate var change: ConfigChange {
        switch self {
        case .rollBack, .hold(.contested): .sameRules
        case .wait, .hold, .watch, .stage, .finish: .stage
        }
    }

    fileprivate func note(_ sale: String, _ names: UnitNames) -> String {
        switch self {
        case .wait: "nothing becomes of the rollout in \(sale)"
        case .hold(let hold): "hold the rollout in \(sale): \(hold.text(names))"
        case .watch: "watch the stage of the rollout in \(sale) once more"
        case .stage(let stage): "stage \(stage.rawValue) of the rollout in \(sale)"
        case .finish: "finish the rollout in \(sale): its rules are the sale's"
        case .rollBack: "roll the new rules of \(sale) back"
        }
    }
}
