import ArgumentParser
import DaemonSupport
import GateServer

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-gate",
        abstract: "Stands between a crowd and the purchase token: page, identity, rules, limits, challenge, line.",
        discussion: """
            Reads a YAML file (see docs/gate.md for the keys); environment variables override it. The center has the rules of
            each sale. Needs TRANCHE_GATE_KEY, TRANCHE_TOKEN_SECRET and TRANCHE_GATE_SECRET in its environment, and
            TRANCHE_PAYMENT_SECRET with identity.dev; see docs/security.md.
            """)

    @Option(help: "The gate's YAML file.") var config: String

    func run() async {
        do { try await GateDaemon.run(try await DaemonConfiguration(path: self.config)) } catch { Daemon.fail(error) }
    }
}
