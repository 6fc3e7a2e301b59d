import ArgumentParser

@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tranche-bench", abstract: "Measures an installation, on this machine.",
        subcommands: [
            PurchaseBench.self, CompareCommand.self, FairnessBench.self, ContestBench.self, SpikeBench.self,
            LotsBench.self, PaperBench.self, ArchiveBench.self, GateBench.self, GateFairnessBench.self,
            OverloadBench.self, LedgersBench.self, FailoversBench.self, OutboxBench.self, PaymentsBench.self,
            ActsBench.self,
        ],
        defaultSubcommand: PurchaseBench.self)
}
