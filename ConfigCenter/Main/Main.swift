import ArgumentParser
import ConfigCenter
import DaemonSupport

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-config-center",
        abstract:
            "The control plane: sales, rules and versions, and the one authority from which every quota is granted.",
        discussion: """
            Reads a YAML file with center.host, center.port and data.folder; environment variables override it.
            Needs TRANCHE_UNITS_KEY, TRANCHE_COORDINATOR_SECRET and TRANCHE_ADMIN_SECRET in its environment; see docs/security.md.
            """)

    @Option(help: "The center's YAML file.") var config: String

    func run() async {
        do { try await CenterDaemon.run(try await DaemonConfiguration(path: self.config)) } catch { Daemon.fail(error) }
    }
}
