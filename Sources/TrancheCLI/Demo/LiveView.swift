import Clusters
import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

/// Shows the running sale: a terminal is redrawn in place, other outputs get a line from time to time.
final class LiveView {
    private let names: [UnitID: String]
    private var drawnLines = 0
    private var lastPlainAt: Double = -10
    private var startedAt = Date()
    let story: Story

    init(_ layout: ClusterLayout, story: Story) {
        self.story = story
        self.names = Dictionary(uniqueKeysWithValues: layout.units.map { ($0.id, $0.name) })
    }

    var seconds: Double { Date().timeIntervalSince(self.startedAt) }

    /// Starts the time of the sale.
    func begin() {
        self.startedAt = Date()
        self.story.begin()
    }

    func draw(_ state: QuotaState?, _ load: LoadReport) {
        Output.isTerminal ? self.redraw(state, load) : self.say(state, load)
    }

    private func rows(_ state: QuotaState?) -> [[String]] {
        (state?.lots.first?.units ?? []).map { unit in
            [
                self.names[unit.unit] ?? "?", Output.number(unit.paid), Output.number(unit.live - unit.paid),
                Output.number(unit.available),
                Output.number(unit.offered),
                (unit.silentMilliseconds ?? 0) > 1_500
                    ? "silent" : state?.lots.first?.contest == nil ? "selling" : "contested",
            ]
        }
    }

    private func redraw(_ state: QuotaState?, _ load: LoadReport) {
        var lines = [
            String(format: "%5.1f s   ", self.seconds) + "pool \(Output.number(state?.lots.first?.pool ?? 0))   "
                + "orders acknowledged \(Output.number(load.acknowledged.count))   paid \(Output.number(load.paid))"
                + (state?.lots.first?.waitlisted.map { "   waitlist \(Output.number($0))" } ?? "")
        ]
        lines += Output.table(["region", "paid", "held", "quota left", "offered", ""], self.rows(state))
        lines += self.story.lines.suffix(8).map(Output.dim)
        let up = self.drawnLines > 0 ? "\u{1B}[\(self.drawnLines)A" : ""
        Output.line(up + lines.map { "\u{1B}[2K" + $0 }.joined(separator: "\n"))
        self.drawnLines = lines.count
    }

    private func say(_ state: QuotaState?, _ load: LoadReport) {
        guard self.seconds - self.lastPlainAt >= 2 else { return }
        self.lastPlainAt = self.seconds
        let parts = self.rows(state).map { "\($0[0]) paid \($0[1]) held \($0[2]) left \($0[3]) offered \($0[4])" }
        Output.line(
            String(format: "%5.1f s  ", self.seconds) + "pool \(state?.lots.first?.pool ?? 0) | "
                + parts.joined(separator: " | ")
                + (state?.lots.first?.waitlisted.map { " | waitlist \($0)" } ?? ""))
    }
}
