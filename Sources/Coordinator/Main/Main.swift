import ArgumentParser
import Coordinator
import DaemonSupport

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-coordinator",
        abstract: "Watches demand in all regions and moves quota to where it is asked for.",
        discussion: """
            Reads a YAML file with coordinator.port and center.url; environment variables win over it.
            Needs TRANCHE_COORDINATOR_SECRET and TRANCHE_CONTEST_KEY in its environment; see docs/security.md.
            """)

    @Option(help: "The coordinator's YAML file.") var config: String

    func run() async {
        do { try await CoordinatorDaemon.run(try await DaemonConfiguration(path: self.config)) } catch {
            Daemon.fail(error)
        }
    }
}
