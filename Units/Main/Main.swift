import ArgumentParser
import DaemonSupport
import UnitServer

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-unit",
        abstract: "Sells a region's quota, from its own Redis and its own ledger.",
        discussion: """
            Reads a YAML file (see Units/Regions for annotated samples); environment variables override it.
            Needs TRANCHE_UNIT_SECRET, TRANCHE_CENTER_SECRET, TRANCHE_CONTEST_SECRET, TRANCHE_SHOP_SECRET,
            TRANCHE_TOKEN_SECRET and TRANCHE_PAYMENT_SECRET in its environment; see docs/security.md.
            """)

    @Option(help: "The unit's YAML file.") var config: String
    @Flag(help: "Continue stamps from the present time, although the ledger has later ones, made by a wrong clock.")
    var resetClock = false

    func run() async {
        do {
            try await UnitDaemon.run(
                try await DaemonConfiguration(path: self.config), resetsClock: self.resetClock)
        } catch { Daemon.fail(error) }
    }
}
