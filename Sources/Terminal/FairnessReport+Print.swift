import Foundation
package import Verification

extension FairnessReport {
    package func print() {
        Output.line(Output.bold("lot \(self.lot)") + ", policy \(self.policy)")
        Output.line(
            "  \(Output.number(self.passed)) contested, \(Output.number(self.won)) won the stock left at the switch")
        let share = String(format: "%.2f", self.misallocationPercent)
        Output.line(
            "  \(self.misallocated) winners (\(share) %) that first come by stamp would not pick; worst share error "
                + String(format: "%.2f points", self.shareErrorPoints))
        Output.line(
            "  \(self.uncertainBand) requests closer to the cut than the clocks' errors; \(self.late) late; "
                + String(format: "out of sequence %.2f %%", self.outOfSequence * 100))
        Output.line(
            String(
                format: "  hold p50 %.0f ms, p99 %.0f ms; decision known at the unit p50 %.0f ms, p99 %.0f ms",
                self.holdMillisecondsP50, self.holdMillisecondsP99, self.decisionMillisecondsP50,
                self.decisionMillisecondsP99))
        let rows = self.regions.map { region in
            [
                region.name, Output.number(region.contested), Output.number(region.first), Output.number(region.won),
                Output.number(region.late), Output.number(region.notWaitedFor),
            ]
        }
        for line in Output.table(
            ["region", "contested", "first by stamp", "won", "late", "decisions without it"], rows)
        { Output.line("  " + line) }
    }
}
