import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// What the center does for gates: it moves the lines of lots, and tells every gate the same.

/// The lines, and what gates need beside them.
final class GateLines: Sendable {
    private struct State {
        var lines = SaleLines()
        var bands: [LotID: StockBand] = [:]
        /// By sale, with the hash that was published.
        var seeds: [String: (hash: String, seed: String)] = [:]
    }
    private let state = NIOLockedValueBox(State())

    func hear(_ gate: String, _ reports: [SaleLines.Report]) {
        self.state.withLockedValue { $0.lines.hear(gate, reports) }
    }

    func step(_ lots: [SaleLines.Lot], now: Instant) {
        self.state.withLockedValue { state in
            state.lines.step(lots, now: now)
            state.bands = Dictionary(
                lots.map { ($0.id, StockBand(left: $0.left, issued: $0.issued, isContested: $0.isContested)) },
                uniquingKeysWith: { first, _ in first })
        }
    }

    func lots() -> [GateDirectives.Lot] {
        self.state.withLockedValue { state in
            state.bands.sorted { $0.key < $1.key }.map {
                GateDirectives.Lot($0.key, $0.value, state.lines.state(of: $0.key))
            }
        }
    }

    /// The seed of a sale, read once.
    func seed(of sale: SaleConfig.Sale, _ read: () throws(Problem) -> DrawSeed?) throws(Problem) -> String? {
        guard let hash = sale.drawHash else { return nil }
        if let known = self.state.withLockedValue({ $0.seeds[sale.id] }), known.hash == hash { return known.seed }
        guard let seed = try read() else { return nil }
        self.state.withLockedValue { $0.seeds[sale.id] = (hash, seed.text) }
        return seed.text
    }
}

extension Center {
    func report(_ report: GateReport) async throws(Problem) -> GateDirectives {
        self.lines.hear(report.identity, try report.reports())
        if let figures = report.figures { self.rules.hear(gate: report.identity, region: report.region, figures) }
        var seeds: [String: String] = [:]
        for sale in await self.book.config.sales where sale.isAnnounced && sale.isDrawn {
            seeds[sale.id] = try self.lines.seed(of: sale) { () throws(Problem) in try self.drawSeed(of: sale) }
        }
        return GateDirectives(lots: self.lines.lots(), seeds: seeds)
    }

    /// Moves the lines. A few times a second.
    func moveLines() async {
        let config = await self.book.config
        let sales = config.sales.filter(\.isAnnounced)
        guard !sales.isEmpty, let quota = try? await self.quota() else {
            return self.lines.step([], now: SystemClock.now())
        }
        let states = Dictionary(quota.lots.map { ($0.lot, $0) }, uniquingKeysWith: { first, _ in first })
        let lots = sales.flatMap { sale -> [SaleLines.Lot] in
            let units = sale.homes == nil ? config.units.map(\.id) : config.sellers(in: sale)
            let load = self.loads.withLockedValue { $0.figures(of: units, now: SystemClock.monotonic()) }
            return sale.lots.map { Self.line($0, of: sale, states[$0.id], load) }
        }
        self.lines.step(lots, now: SystemClock.now())
    }

    private static func line(
        _ lot: SaleConfig.Lot, of sale: SaleConfig.Sale, _ state: QuotaState.Lot?, _ load: LoadFigures
    ) -> SaleLines.Lot {
        let isContested = state?.contest != nil
        let paid = state?.units.reduce(0) { $0 + $1.paid } ?? 0
        let free = state.map { lot in lot.units.reduce(max(0, lot.pool)) { $0 + max(0, $1.available) } } ?? lot.issued
        // A contest has a waitlist: whoever asks may still get what others do not pay for.
        let left = isContested ? max(0, lot.issued - paid) : free
        // A sale that is paused or not open yet lets nobody pass; the line knows the opening only.
        let opensAt = sale.state == .open ? Instant(milliseconds: sale.startsAtMilliseconds) : .distantFuture
        return SaleLines.Lot(
            id: lot.id, policy: sale.linePolicy(of: lot), opensAt: opensAt, left: left, issued: lot.issued,
            isContested: isContested,
            load: load, tokenMilliseconds: 1_000 * Int64(sale.gateTerms.tokenSeconds))
    }
}

extension SaleConfig.Sale {
    /// Whether buyers may know of the sale.
    package var isAnnounced: Bool { self.state != .draft && self.state != .settled }
}
