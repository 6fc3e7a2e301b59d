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
            Needs the secret TRANCHE_SERVICE_SECRET in its environment.
            """)

    @Option(help: "The coordinator's YAML file.") var config: String

    func run() async {
        do { try await CoordinatorDaemon.run(try await DaemonConfiguration(path: self.config)) } catch {
            Daemon.fail(error)
        }
    }
}
