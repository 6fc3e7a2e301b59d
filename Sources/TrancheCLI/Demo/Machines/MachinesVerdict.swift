import Clusters
import Foundation
import LoadGenerator
import Terminal
import Verification

/// The outcome of `demo --machines`. A goal that was missed does not fail it: an order that was lost does, and an added
/// unit that sold nothing.
struct MachinesVerdict: Codable {
    /// The unit that joined the sale, from its ledger and from the crowd's own list.
    struct Growth: Codable {
        let joining: AddedUnit.Joining
        /// Answers that sent a buyer to it, repeated ones included.
        let referrals: Int
        /// Items, by its ledger.
        let sold: Int
        /// Buyers with orders in the ledgers of two units.
        let buyersWithTwoHomes: Int

        init(
            _ joining: AddedUnit.Joining, _ ledger: VerifyReport.UnitLot?, _ load: LoadReport,
            buyersOfSeveralUnits: Int
        ) {
            self.joining = joining
            self.referrals = load.answers["referred"] ?? 0
            self.sold = ledger.map { $0.paid + $0.held } ?? 0
            self.buyersWithTwoHomes = buyersOfSeveralUnits
        }

        var isGood: Bool { self.sold > 0 && self.referrals > 0 && self.buyersWithTwoHomes == 0 }
    }

    let sale: DemoVerdict
    let losses: [MachineFaults.Finding]
    /// Payments for reservations that had expired.
    let tooLate: Int
    let growth: Growth

    var isGood: Bool { self.sale.isGood && self.growth.isGood }

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
        self.printGrowth()
        self.sale.print(layout, report, outcome)
    }

    private func printGrowth() {
        let (growth, joining) = (self.growth, self.growth.joining)
        let selling = joining.sellingSeconds.map { String(format: "%.2f s", $0) } ?? "not within the time for it"
        Output.line("\n" + Output.bold("An added unit") + ", \(joining.unit), in the middle of the sale:")
        Output.line(
            String(format: "  registered %.2f s after its start; ", joining.registeredSeconds)
                + "its first order was known \(selling) after the command that added it")
        Output.line(
            """
              sold \(Output.number(growth.sold)) items; \(Output.number(growth.referrals)) referrals of buyers; \
            \(self.sale.acknowledgedAndLost) lost, \(self.sale.oversold) oversold, \(Output.number(self.sale.unsold)) unsold; \
            \(growth.buyersWithTwoHomes) buyers with two homes
            """)
        if !growth.isGood {
            Output.line(Output.red("  NOT AS IT SHOULD BE: the added unit must sell, and to buyers of its own alone"))
        }
    }
}
