import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore
import Verification
import WideArea

/// Contests between real processes, over links of 5, 40 and 90 ms, with clock errors of -1, 0 and +1 ms.
struct FairnessBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness",
        abstract: "Measure contests between real processes over wide-area links: fairness, latency, traffic.",
        discussion: """
            Sends bursts of buyers to lots that are contested from the start, by stamp and by arrival in turns. The
            true order of the buyers is known, because the errors of the clocks are known. Draws the result as an SVG.
            Exit code 2 if a bound of the stamps is broken.
            """)
    @Option(help: "Bursts for each policy.") var bursts = 8
    @Option(help: "Requests per second of each region.") var rate = 1_000
    @Option(help: "Items of each burst.") var items = 300
    @Option(help: "Seconds of the run that measures latency.") var seconds = 5.0
    @Option(help: "The folder for the results.") var output = "bench-results"
    @Flag(help: "Print JSON, for scripts.") var json = false

    static let offsets = ["us-east": -1_000, "eu-west": 0, "ap-south": 1_000]
    static let burstSeconds = 0.6
    static let wan = WideAreaPlan(
        regions: [
            "us-east": LinkState(delayMilliseconds: 5), "eu-west": LinkState(delayMilliseconds: 40),
            "ap-south": LinkState(delayMilliseconds: 90),
        ])
    static let latencyLot: UInt32 = 900
    static let smallLot: UInt32 = 901
    static let largeLot: UInt32 = 902

    func run() async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-fairness"))
        let layout = try ClusterLayout.random(regions: ThreeRegions.names, isWide: true)
        try folder.save(layout)
        let cluster = LocalCluster(
            folder: folder, layout: layout, wan: Self.wan, clockOffsets: Self.offsets)
        do {
            try await cluster.start()
            try await cluster.waitUntilHealthy()
            try await self.sellContested(cluster)
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
        let verifier = try Verifier(folder: folder.path)
        let result = FairnessResult(verifier, bursts: self.bursts, rate: self.rate)
        try FileManager.default.createDirectory(atPath: self.output, withIntermediateDirectories: true)
        try Data(JSON.encode(result, pretty: true)).write(to: URL(fileURLWithPath: self.output + "/fairness.json"))
        try Data(FairnessChart.svg(result).utf8).write(to: URL(fileURLWithPath: self.output + "/fairness.svg"))
        if self.json { Output.json(result) } else { result.print(output: self.output) }
        let report = verifier.report()
        if !report.isSound { report.print() }
        guard report.isSound, result.isGood else { throw ExitCode(2) }
        try? FileManager.default.removeItem(atPath: folder.path)
    }

    private func say(_ text: String) { if !self.json { Output.line(text) } }

    private var sale: SaleConfig.Sale {
        func lot(_ number: UInt32, _ stock: Int, _ policy: SaleConfig.Lot.Contest.Policy) -> SaleConfig.Lot {
            .init(
                id: LotID(number), name: "\(policy.rawValue) \(number)", stock: stock, perBuyerLimit: 1,
                poolPermille: 1_000, contest: .init(when: .global, policy: policy, waitlist: 0))
        }
        let bursts = (0..<UInt32(self.bursts)).flatMap { burst in
            [lot(1 + 2 * burst, self.items, .stamp), lot(2 + 2 * burst, self.items, .arrival)]
        }
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        return SaleConfig.Sale(
            id: "fairness", name: "fairness", startsAtMilliseconds: now, endsAtMilliseconds: now + 3_600_000,
            paymentWindowMilliseconds: 3_600_000,
            lots: bursts + [
                lot(Self.latencyLot, 1_000_000, .stamp), lot(Self.smallLot, self.items, .stamp),
                lot(Self.largeLot, self.items, .stamp),
            ])
    }

    private func sellContested(_ cluster: LocalCluster) async throws {
        let client = AdminClient(cluster.layout)
        try await client.waitForUnits(ThreeRegions.names.count)
        _ = try await client.call("POST", "/v1/sales", self.sale, as: SaleDocument.self)
        _ = try await client.step(.warm, "fairness")
        _ = try await client.waitUntilReady("fairness", seconds: 30) { _ in }
        _ = try await client.step(.open, "fairness")
        try await Task.sleep(for: .milliseconds(1_500))
        for burst in 0..<UInt32(self.bursts) {
            self.say("burst \(burst + 1) of \(self.bursts): by stamp, then by arrival …")
            for lot in [1 + 2 * burst, 2 + 2 * burst] {
                try await self.send(cluster, lot, perSecond: self.rate, seconds: Self.burstSeconds)
            }
        }
        self.say("latency: \(3 * self.rate) contested requests/s for \(Int(self.seconds)) s …")
        try await self.send(cluster, Self.latencyLot, perSecond: self.rate, seconds: self.seconds)
        self.say("traffic: a crowd, and one ten times as large …")
        try await self.send(cluster, Self.smallLot, perSecond: self.rate / 2, seconds: 1)
        try await self.send(cluster, Self.largeLot, perSecond: self.rate, seconds: 5)
    }

    private func send(_ cluster: LocalCluster, _ lot: UInt32, perSecond: Int, seconds: Double) async throws {
        let count = Int(Double(perSecond * ThreeRegions.names.count) * seconds)
        var plan = LoadPlan(buyers: count, seconds: seconds, weights: ThreeRegions.names.map { _ in 1 })
        plan.seed = UInt64(lot)
        var settings = Crowd.Settings()
        settings.followsContests = false
        _ = await Crowd(cluster.layout.target(lot: LotID(lot)), settings: settings).run(plan.arrivals())
        // Waits for open decisions, so that they do not disturb the next burst.
        try await Task.sleep(for: .milliseconds(700))
    }
}
