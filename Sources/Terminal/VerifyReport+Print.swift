import Foundation
import TrancheCore
package import Verification

extension VerifyReport {
    package func print() {
        for check in self.checks {
            let verdict =
                switch check.verdict {
                case .holds: Output.green("holds ")
                case .broken: Output.red("BROKEN")
                case .notApplicable: Output.dim("n/a   ")
                }
            Output.line(
                "\(check.invariant.padding(toLength: 4, withPad: " ", startingAt: 0)) \(verdict)  \(check.statement)")
            Output.line(Output.dim("             \(check.figures)"))
            for finding in check.findings { Output.line(Output.red("             \(finding)")) }
        }
        if !self.refunds.isEmpty {
            Output.line("\(self.refunds.count) payments must be refunded:")
            for refund in self.refunds.prefix(20) {
                Output.line(
                    "  \(refund.unit)  order \(refund.order)  payment \(refund.payment)  \(refund.reason.name)")
            }
            if self.refunds.count > 20 { Output.line("  … and \(self.refunds.count - 20) more: --json lists all") }
        }
        Output.line(self.isSound ? Output.green("verify: every invariant holds") : Output.red("verify: BROKEN"))
    }
}
