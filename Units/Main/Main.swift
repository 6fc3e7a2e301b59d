import ArgumentParser
import DaemonSupport
import UnitServer

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-unit",
        abstract: "One isolated cell of a sale: sells a region's quota from its own Redis and its own ledger.",
        discussion: """
            Reads a YAML file (see Units/Regions for annotated samples); environment variables win over it.
            Needs the secrets TRANCHE_SERVICE_SECRET, TRANCHE_TOKEN_SECRET and TRANCHE_PAYMENT_SECRET in its environment.
            """)

    @Option(help: "The unit's YAML file.") var config: String

    func run() async {
        do { try await UnitDaemon.run(try await DaemonConfiguration(path: self.config)) } catch { Daemon.fail(error) }
    }
}
