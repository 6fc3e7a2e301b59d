import ArgumentParser
import Clusters
import Terminal
import TrancheCore

extension UnitCommand {
    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start one more unit of a local cluster, in a region that has one; Ctrl-C stops it.",
            discussion: """
                The unit registers and gets the configuration. A sale that is open has it from `tranche sale add-unit`
                on; a sale that opens later has it from its opening. The next `tranche up` starts it, too.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The unit's name.") var unit: String
        @Option(help: "Its region.") var region: String

        func run() async throws {
            let folder = self.common.folder
            let layout = try folder.load().adding(self.unit, region: self.region)
            guard layout.tls == nil else {
                throw CommandError("the cluster has certificates, and this command issues none: start the unit by hand")
            }
            let cluster = LocalCluster(folder: folder, layout: layout)
            let signals = StopSignals()
            let id = try AdminClient(layout).unit(self.unit)
            do {
                try cluster.startUnit(self.unit)
                try await cluster.waitUntilRegistered(self.unit, id)
            } catch {
                await cluster.stop()
                throw error
            }
            let address = layout.units.first { $0.id == id }?.publicURL ?? ""
            if self.common.json {
                Output.json(["unit": self.unit, "url": address])
            } else {
                Output.line("\(self.unit) has registered, at \(address); Ctrl-C stops it")
            }
            await signals.wait()
            await cluster.stop()
        }
    }
}
