import ArgumentParser
import Coordinator
import DaemonSupport

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-coordinator",
        abstract: "Watches demand in all regions, moves quota to units that run low, and leads the contests.",
        discussion: """
            Reads a YAML file with coordinator.port and center.url; environment variables override it.
            Needs TRANCHE_COORDINATOR_SECRET and TRANCHE_CONTEST_KEY in its environment; see docs/security.md.
            """)

    @Option(help: "The coordinator's YAML file.") var config: String

    func run() async {
        do { try await CoordinatorDaemon.run(try await DaemonConfiguration(path: self.config)) } catch {
            Daemon.fail(error)
        }
    }
}
