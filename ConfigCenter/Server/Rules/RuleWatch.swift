import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// What the center has heard of purchases, since a stage began, and since a sale opened.
///
/// Nothing here is durable. A center that begins to lead watches a stage anew, which only makes it longer, and counts
/// a sale's results from then on.
final class RuleWatch: Sendable {
    /// The sums of all units, and of the gates of all regions, at one moment.
    struct Sums: Sendable {
        let units: [UnitID: PurchaseFigures]
        let gates: [String: PurchaseFigures]
    }
    /// One watch of one stage of a sale's rollout.
    private struct Stage {
        /// When the configuration says that the watch began: another one is another watch.
        let sinceMilliseconds: Int64
        /// The version that the stage's units must have.
        let version: Int
        var unheard: [UnitID]
        /// Since when there has been an unheard unit, or since when there has been none.
        var changedAt: Instant
        /// The sums when every unit had the new rules.
        var base: Sums
    }
    private struct Opening {
        let at: Instant
        let base: Sums
        var others: Set<String>
    }
    private struct State {
        var units = FigureBook<UnitID>()
        var gates = GateFigures()
        var stages: [String: Stage] = [:]
        var openings: [String: Opening] = [:]
        var sums: Sums { Sums(units: self.units.sums, gates: self.gates.book.sums) }
    }
    /// What a look at a stage found.
    struct Look: Sendable {
        let unheard: [UnitID]
        /// Since it was last so that some unit was unheard, or that none was.
        let milliseconds: Int64
        /// Since every unit had the new rules.
        let units: [UnitID: PurchaseFigures]
        let gates: [String: PurchaseFigures]
    }
    private let state = NIOLockedValueBox(State())

    func hear(_ unit: UnitID, _ incarnation: Incarnation, _ figures: PurchaseFigures) {
        self.state.withLockedValue { $0.units.hear(unit, incarnation, figures, now: SystemClock.monotonic()) }
    }

    func hear(gate: String, region: String, _ figures: PurchaseFigures) {
        self.state.withLockedValue { $0.gates.hear(gate, region: region, figures, now: SystemClock.monotonic()) }
    }

    /// What everybody has answered in the last minute.
    var recent: Sums {
        self.state.withLockedValue { Sums(units: $0.units.recent, gates: $0.gates.book.recent) }
    }

    /// Begins to count what is not counted yet, and forgets what is over.
    func follow(_ config: SaleConfig, now: Instant) {
        let open = config.sales.filter { $0.state == .open || $0.state == .paused }.map(\.id)
        let staged = Set(config.sales.filter { $0.staged != nil }.map(\.id))
        self.state.withLockedValue { state in
            state.openings = state.openings.filter { open.contains($0.key) }
            for sale in open {
                var opening = state.openings[sale] ?? Opening(at: now, base: state.sums, others: [])
                opening.others.formUnion(open.filter { $0 != sale })
                state.openings[sale] = opening
            }
            state.stages = state.stages.filter { staged.contains($0.key) }
        }
    }

    /// What was answered since a sale's opening, or since this center began to lead.
    func results(of sale: SaleConfig.Sale, _ config: SaleConfig) -> SaleConfig.Results? {
        self.state.withLockedValue { state in
            guard let opening = state.openings[sale.id] else { return nil }
            let sellers = Set(config.sellers(in: sale))
            let units = Self.since(opening.base.units, state.units.sums).filter { sellers.contains($0.key) }
            let named = units.compactMap { unit, figures in config.unit(unit).map { ($0.name, figures) } }
            let gates = Self.since(opening.base.gates, state.gates.book.sums)
            return SaleConfig.Results(
                sinceMilliseconds: opening.at.milliseconds, untilMilliseconds: SystemClock.now().milliseconds,
                units: Dictionary(named, uniquingKeysWith: +),
                others: opening.others.isEmpty ? nil : opening.others.sorted(), gates: gates.isEmpty ? nil : gates)
        }
    }

    /// Looks at the stage of a sale's rollout.
    ///
    /// - Parameter reached: The units that have the new rules.
    func look(
        _ sale: String, _ staged: SaleConfig.Staged, reached: [UnitID], version: Int, _ rollout: Rollout
    ) -> Look {
        let now = SystemClock.monotonic()
        return self.state.withLockedValue { state in
            let sums = state.sums
            let known = state.stages[sale].flatMap {
                $0.sinceMilliseconds == staged.watchedSinceMilliseconds ? $0 : nil
            }
            var stage =
                known
                ?? Stage(
                    sinceMilliseconds: staged.watchedSinceMilliseconds, version: version, unheard: reached,
                    changedAt: now, base: sums)
            let unheard = reached.filter { unit in
                let silent = state.units.heard(unit).map { now.milliseconds(since: $0) } ?? .max
                return rollout.applied[unit] ?? 0 < stage.version || silent > StagedRollout.unheardMilliseconds
            }
            if unheard.isEmpty != stage.unheard.isEmpty { stage.changedAt = now }
            // Purchases before the new rules were there say nothing about them.
            if !stage.unheard.isEmpty { stage.base = sums }
            stage.unheard = unheard
            state.stages[sale] = stage
            return Look(
                unheard: unheard, milliseconds: now.milliseconds(since: stage.changedAt),
                units: Self.since(stage.base.units, sums.units), gates: Self.since(stage.base.gates, sums.gates))
        }
    }

    private static func since<Source: Hashable>(
        _ base: [Source: PurchaseFigures], _ sums: [Source: PurchaseFigures]
    ) -> [Source: PurchaseFigures] {
        var figures: [Source: PurchaseFigures] = [:]
        for (source, sum) in sums { figures[source] = sum - (base[source] ?? PurchaseFigures()) }
        return figures
    }
}
