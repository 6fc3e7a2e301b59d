/// The lines of all lots, as the center moves them: what the gates report goes in, thresholds come out.
///
/// Nothing here is durable. After a restart the counts come back with the next reports, and each gate also reports the
/// thresholds that it has published, so that none goes down.
package struct SaleLines: Sendable {
    package struct Lot: Hashable, Sendable {
        package let id: LotID
        package let policy: LinePolicy
        package let opensAt: Instant
        /// Items that can still be bought, in all units and in the pool.
        package let left: Int
        package let issued: Int
        package let isContested: Bool
        package let load: LoadFigures
        package let tokenMilliseconds: Int64

        package init(
            id: LotID, policy: LinePolicy, opensAt: Instant, left: Int, issued: Int, isContested: Bool,
            load: LoadFigures, tokenMilliseconds: Int64
        ) {
            (self.id, self.policy, self.opensAt) = (id, policy, opensAt)
            (self.left, self.issued, self.isContested) = (left, issued, isContested)
            (self.load, self.tokenMilliseconds) = (load, tokenMilliseconds)
        }
    }

    /// What one gate says of one lot. All numbers are cumulative.
    package struct Report: Hashable, Sendable {
        package let lot: LotID
        package let entries: ArrivalCounts
        package let minted: Int
        /// The highest threshold that the gate has published.
        package let threshold: LineThreshold
        package init(lot: LotID, entries: ArrivalCounts, minted: Int, threshold: LineThreshold) {
            (self.lot, self.entries, self.minted, self.threshold) = (lot, entries, minted, threshold)
        }
    }

    fileprivate struct Heard {
        var entries = ArrivalCounts()
        var minted = 0
    }
    fileprivate struct Line {
        var opensAt: Instant
        var policy: LinePolicy
        var controller: LineController
        var gates: [String: Heard] = [:]
        var state: LineState?
        var tokens = TokenLives()
    }
    private var lines: [LotID: Line] = [:]
    /// Thresholds that gates published for lots whose line is not known yet.
    private var published: [LotID: LineThreshold] = [:]
    /// A gate that is silent for longer does not hold a line back.
    static let silenceMilliseconds: Int64 = 1_500
    /// Gates of one lot. More are not heard.
    package static let gatesLimit = 256

    package init() {}

    /// Takes in one gate's report. A restarted gate reports smaller numbers: the larger ones stay, and its new entries
    /// count only when they exceed them, so a gate has a new name after each start.
    package mutating func hear(_ gate: String, _ reports: [Report]) {
        for report in reports {
            self.published[report.lot, default: LineThreshold()].merge(report.threshold)
            guard var line = self.lines[report.lot] else { continue }
            guard line.gates[gate] != nil || line.gates.count < Self.gatesLimit else { continue }
            var heard = line.gates[gate] ?? Heard()
            heard.entries.merge(report.entries)
            heard.minted = max(heard.minted, report.minted)
            line.gates[gate] = heard
            self.lines[report.lot] = line
        }
    }

    /// Moves the lines of these lots, and forgets all others.
    package mutating func step(_ lots: [Lot], now: Instant) {
        var next: [LotID: Line] = [:]
        for lot in lots {
            var line = self.lines[lot.id] ?? self.newLine(lot)
            if line.opensAt != lot.opensAt || line.policy != lot.policy {
                // An opening that was moved, or a policy that was changed, begins the line anew; entries and tokens stay.
                let (gates, tokens) = (line.gates, line.tokens)
                line = self.newLine(lot)
                (line.gates, line.tokens) = (gates, tokens)
            }
            if let published = self.published[lot.id] { line.controller.raise(to: published) }
            line.tokens.observe(
                minted: line.gates.values.reduce(0) { $0 + $1.minted }, taken: lot.issued - lot.left,
                life: lot.tokenMilliseconds, now: now)
            let heardSince = now.advanced(milliseconds: -Self.silenceMilliseconds)
            line.state = line.controller.step(
                now: now, demand: ArrivalCounts.sum(line.gates.values.map(\.entries), heardSince: heardSince),
                minted: line.tokens.minted, finished: line.tokens.ended, stockLeft: lot.left, load: lot.load)
            next[lot.id] = line
        }
        self.lines = next
        self.published = self.published.filter { next[$0.key] != nil }
    }

    private func newLine(_ lot: Lot) -> Line {
        Line(
            opensAt: lot.opensAt, policy: lot.policy,
            controller: LineController(policy: lot.policy, opensAt: lot.opensAt))
    }

    package func state(of lot: LotID) -> LineState? { self.lines[lot]?.state }
}
