import Clusters
import Foundation
import Terminal
import Verification

/// The outcome of `demo --machines`. A goal that was missed does not fail it: an order that was lost does.
struct MachinesVerdict: Codable {
    let sale: DemoVerdict
    let losses: [MachineFaults.Finding]
    /// Payments for reservations that had expired.
    let tooLate: Int

    var isGood: Bool { self.sale.isGood }

    func print(_ layout: ClusterLayout, _ report: VerifyReport, _ outcome: DemoOutcome) {
        Output.line("\n" + Output.bold("Lost machines") + ", and how long that was felt:")
        let rows = self.losses.map { loss in
            [
                loss.loss, loss.measured, loss.seconds.map { String(format: "%.2f s", $0) } ?? "not at all",
                "\(Int(loss.goalSeconds)) s", (loss.seconds ?? .infinity) <= loss.goalSeconds ? "" : "MISSED",
            ]
        }
        for line in Output.table(["lost", "measured", "took", "goal", ""], rows) { Output.line("  " + line) }
        Output.line("  payments that came too late for their reservation: \(self.tooLate)")
        self.sale.print(layout, report, outcome)
    }
}
