import ArgumentParser
import DaemonSupport
import SampleShop

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-sample-shop",
        abstract: "A small shop that sells through Tranche: it signs buyers in, receives webhooks, and keeps a book.",
        discussion: """
            Reads a YAML file (see docs/integrate.md for the keys); environment variables override it. Needs
            TRANCHE_OUTBOX_SHOP_SECRET, TRANCHE_SAMPLE_SHOP_SECRET and TRANCHE_SAMPLE_SHOP_KEY in its environment.
            """)

    @Option(help: "The shop's YAML file.") var config: String

    func run() async {
        do { try await ShopDaemon.run(try await DaemonConfiguration(path: self.config)) } catch { Daemon.fail(error) }
    }
}
