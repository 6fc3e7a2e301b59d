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
        let open = self.refunds.filter { !$0.isDone }
        if !open.isEmpty {
            Output.line("\(open.count) payments must be refunded:")
            for refund in open.prefix(20) {
                let amount = refund.amount.map { "  \($0) \(refund.currency ?? "")" } ?? ""
                Output.line(
                    "  \(refund.unit)  order \(refund.order)  payment \(refund.payment)\(amount)  \(refund.reason.name)"
                )
            }
            if open.count > 20 { Output.line("  … and \(open.count - 20) more: --json lists all") }
        }
        Output.line(self.isSound ? Output.green("verify: every invariant holds") : Output.red("verify: BROKEN"))
    }
}
