import ArgumentParser
import DaemonSupport
import SampleProvider

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-sample-provider",
        abstract: "A small payment provider for demos and tests: late, double, away and lying on request.",
        discussion: """
            Takes payments without money, tells units of them, answers their questions, and gives payments back. Reads a YAML
            file (see docs/payments.md for the keys); environment variables override it. Needs TRANCHE_PROVIDER_SECRET,
            TRANCHE_PAYMENT_SECRET and TRANCHE_SAMPLE_PROVIDER_CONTROL in its environment, or as files of secrets.folder.
            """)

    @Option(help: "The provider's YAML file.") var config: String

    func run() async {
        do { try await ProviderDaemon.run(try await DaemonConfiguration(path: self.config)) } catch {
            Daemon.fail(error)
        }
    }
}
