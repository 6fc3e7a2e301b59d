import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// What the center has seen of units' purchases: since a stage began, and since a sale opened.
///
/// Nothing here is durable. A center that begins to lead watches a stage anew, which only makes it longer, and counts a sale's
/// results from then on.
final class RuleWatch: Sendable {
    /// One watch of one stage of a sale's rollout.
    struct Stage: Sendable {
        /// When the configuration says that the watch began: another one is another watch.
        let sinceMilliseconds: Int64
        /// The version that the stage's units must have.
        let version: Int
        var unheard: [UnitID]
        /// Since when there has been an unheard unit, or since when there has been none.
        var changedAt: Instant
        /// The sums when every unit had the new rules.
        var base: [UnitID: PurchaseFigures]
    }
    private struct Opening {
        let at: Instant
        let base: [UnitID: PurchaseFigures]
        var others: Set<String>
    }
    private struct State {
        var book = FigureBook()
        var stages: [String: Stage] = [:]
        var openings: [String: Opening] = [:]
    }
    private let state = NIOLockedValueBox(State())

    func hear(_ unit: UnitID, _ incarnation: Incarnation, _ figures: PurchaseFigures) {
        self.state.withLockedValue { $0.book.hear(unit, incarnation, figures, now: SystemClock.monotonic()) }
    }

    /// What each unit has answered in the last minute.
    var recent: [UnitID: PurchaseFigures] { self.state.withLockedValue { $0.book.recent } }

    /// Begins to count what is not counted yet, and forgets what is over.
    func follow(_ config: SaleConfig, now: Instant) {
        let open = config.sales.filter { $0.state == .open || $0.state == .paused }.map(\.id)
        self.state.withLockedValue { state in
            state.openings = state.openings.filter { open.contains($0.key) }
            for sale in open {
                let known = state.openings[sale] ?? Opening(at: now, base: state.book.sums, others: [])
                state.openings[sale] = known
                state.openings[sale]?.others.formUnion(open.filter { $0 != sale })
            }
            let staged = Set(config.sales.filter { $0.staged != nil }.map(\.id))
            state.stages = state.stages.filter { staged.contains($0.key) }
        }
    }

    /// What units have answered since a sale's opening, or since this center began to lead.
    func results(of sale: SaleConfig.Sale, _ config: SaleConfig) -> SaleConfig.Results? {
        self.state.withLockedValue { state in
            guard let opening = state.openings[sale.id] else { return nil }
            let figures = Self.figures(of: config.sellers(in: sale), state.book.sums, since: opening.base)
            let named = figures.compactMap { unit, figures in config.unit(unit).map { ($0.name, figures) } }
            return SaleConfig.Results(
                sinceMilliseconds: opening.at.milliseconds, untilMilliseconds: SystemClock.now().milliseconds,
                units: Dictionary(named, uniquingKeysWith: +),
                others: opening.others.isEmpty ? nil : opening.others.sorted())
        }
    }

    /// Looks at the stage of a sale's rollout.
    ///
    /// - Parameter reached: The units that have the new rules.
    func look(
        _ sale: SaleConfig.Sale, _ staged: SaleConfig.Staged, reached: [UnitID], others: [UnitID], version: Int,
        _ rollout: Rollout
    ) -> (new: PurchaseFigures, old: PurchaseFigures, stage: Stage, watchedMilliseconds: Int64) {
        let now = SystemClock.monotonic()
        return self.state.withLockedValue { state in
            var stage =
                state.stages[sale.id].flatMap { $0.sinceMilliseconds == staged.watchedSinceMilliseconds ? $0 : nil }
                ?? Stage(
                    sinceMilliseconds: staged.watchedSinceMilliseconds, version: version, unheard: reached,
                    changedAt: now, base: state.book.sums)
            let unheard = reached.filter { unit in
                let silent = state.book.heard(unit).map { now.milliseconds(since: $0) } ?? .max
                return rollout.applied[unit] ?? 0 < stage.version || silent > StagedRollout.unheardMilliseconds
            }
            if unheard.isEmpty != stage.unheard.isEmpty { stage.changedAt = now }
            // Purchases before the new rules were there say nothing about them.
            if !stage.unheard.isEmpty { stage.base = state.book.sums }
            stage.unheard = unheard
            state.stages[sale.id] = stage
            func sum(_ units: [UnitID]) -> PurchaseFigures {
                Self.figures(of: units, state.book.sums, since: stage.base).values.reduce(PurchaseFigures(), +)
            }
            let passed = now.milliseconds(since: stage.changedAt)
            return (sum(reached), sum(others), stage, passed)
        }
    }

    private static func figures(
        of units: [UnitID], _ sums: [UnitID: PurchaseFigures], since base: [UnitID: PurchaseFigures]
    ) -> [UnitID: PurchaseFigures] {
        var figures: [UnitID: PurchaseFigures] = [:]
        for unit in units { if let sum = sums[unit] { figures[unit] = sum - (base[unit] ?? PurchaseFigures()) } }
        return figures
    }
}
