import ArgumentParser
import Foundation

@main
enum Entry {
    static func main() async {
        if let code = Supervision.run() { exit(code) }
        await Tranche.main()
    }
}

struct Tranche: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche",
        abstract: "Sells scarce stock in many regions at once, and never oversells.",
        discussion: """
            Start here:
              tranche demo                  a whole sale on this machine, with a verdict
              tranche up                    a cluster on this machine, to try the commands below
              tranche plan FILE             what a sale needs, and how it will go, before it is created
              tranche sale --help           create, warm, open, pause, close and settle sales
              tranche rehearse              whole sales with faults: go, or no go

            Most commands take --json for scripts. Exit codes: 0 done, 1 failed or refused, 2 a check did not hold,
            64 wrong usage.
            """,
        subcommands: [
            UpCommand.self, DemoCommand.self, SaleCommand.self, StockCommand.self, QuotaCommand.self, UnitCommand.self,
            TokenCommand.self, CredentialCommand.self, OperatorCommand.self, ApprovalCommand.self,
            AuditCommand.self, CACommand.self,
            CenterCommand.self, LedgerCommand.self, OutboxCommand.self, DoctorCommand.self, LoadCommand.self,
            VerifyCommand.self, ReconcileCommand.self, FairnessCommand.self, SimulateCommand.self, PlanCommand.self,
            RehearseCommand.self,
        ])
}
