import ArgumentParser
import DaemonSupport
import Dispatch
import Foundation
import TrancheAPI
import WideArea

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a local cluster: center, coordinator, and a unit with its Redis per region.",
        discussion:
            "Everything lives in one data folder, with random secrets. Ctrl-C stops it cleanly; the next `up` goes on with it."
    )

    @OptionGroup var common: CommonOptions
    @Option(help: "Regions, separated by commas.") var regions = "us-east,eu-west,ap-south"
    @Option(help: "Put wide-area links between the regions and the center: a YAML file with REGION.delay in ms.")
    var wan: String?
    @Option(help: "Set clocks wrong: microseconds for each region, as us-east=-1000,ap-south=1000.")
    var clockOffsets: String?

    func run() async throws {
        let folder = self.common.folder
        let names = self.regions.split(separator: ",").map(String.init)
        guard !names.isEmpty, Set(names).count == names.count else {
            throw ValidationError("--regions needs names that differ")
        }
        let layout: ClusterLayout
        if FileManager.default.fileExists(atPath: folder.layoutPath) {
            layout = try folder.load()
        } else {
            layout = try ClusterLayout.random(regions: names, isWide: self.wan != nil)
            try folder.save(layout)
        }
        guard self.wan == nil || layout.controlPort != nil else {
            throw CommandError("\(folder.path) holds a cluster without links: choose another --data for --wan")
        }
        let cluster = LocalCluster(
            folder: folder, layout: layout, wan: try await self.links(layout),
            clockOffsets: try ClockOffsets.parse(self.clockOffsets))
        let signals = StopSignals()
        do {
            try await cluster.start()
            try await cluster.waitUntilHealthy()
        } catch {
            await cluster.stop()
            throw error
        }
        if self.common.json {
            Output.json(layout.units.map { ["unit": $0.name, "url": $0.publicURL] })
        } else {
            self.explain(layout)
        }
        await signals.wait()
        Output.line("stopping …")
        await cluster.stop()
        Output.line("stopped; the data is in \(folder.path)")
    }

    private func links(_ layout: ClusterLayout) async throws -> WideAreaPlan? {
        guard let wan else { return nil }
        return try WideAreaPlan(try await DaemonConfiguration(path: wan), regions: layout.units.map(\.name))
    }

    private func explain(_ layout: ClusterLayout) {
        Output.line(Output.bold("The cluster is up.") + " Ctrl-C stops it.")
        Output.line("  config center  \(layout.centerURL)")
        for unit in layout.units {
            Output.line("  \(unit.name.padding(toLength: 14, withPad: " ", startingAt: 0)) \(unit.publicURL)")
        }
        if let control = layout.controlPort, self.wan != nil {
            Output.line("  links          http://127.0.0.1:\(control)/links")
        }
        let data = self.common.data == "tranche-data" ? "" : " --data \(self.common.data)"
        Output.line("\nNext, in another terminal:")
        Output.line(
            "  tranche sale create summer --stock 1000\(data)\n  tranche sale warm summer\(data)\n  tranche sale open summer\(data)"
        )
        Output.line("  tranche load summer --buyers 3000 --seconds 10\(data)")
    }
}

/// Ctrl-C, SIGTERM and a closed terminal, as something to wait for.
final class StopSignals: @unchecked Sendable {  // The sources are kept, and never touched again.
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        self.sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
    }

    func wait() async { for await _ in self.stream { return } }
}
