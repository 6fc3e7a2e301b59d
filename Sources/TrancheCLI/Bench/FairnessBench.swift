import ArgumentParser
import DaemonSupport
import Foundation
import LoadGenerator
import TrancheAPI
import TrancheCore
import Verification
import WideArea

/// Contests between real processes, over links of 5, 40 and 90 ms, with clocks that are off by -1, 0 and +1 ms.
struct FairnessBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness",
        abstract: "Measure contests between real processes over wide-area links: fairness, latency, traffic.",
        discussion: """
            Bursts of buyers meet lots that are contested from the start, by stamp and by arrival in turns. Who truly came
            first is known here, because the clocks' errors are. Draws the result as an SVG. Exit code 2 if a bound of the
            stamps is broken.
            """)
    @Option(help: "Bursts for each policy.") var bursts = 8
    @Option(help: "Requests per second of each region.") var rate = 1_000
    @Option(help: "Items of each burst.") var items = 300
    @Option(help: "Seconds of the run that measures latency.") var seconds = 5.0
    @Option(help: "Where the results go.") var output = "bench-results"
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
        let layout = try ClusterLayout.random(regions: DemoCommand.regions, isWide: true)
        try folder.save(layout)
        let cluster = LocalCluster(
            folder: folder, layout: layout, wan: Self.wan, clockOffsets: Self.offsets)
        do {
            try await cluster.start()
            try await cluster.waitUntilHealthy()
            try await self.contest(cluster)
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

    private func contest(_ cluster: LocalCluster) async throws {
        let client = AdminClient(cluster.layout)
        try await client.waitForUnits(DemoCommand.regions.count)
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
        let count = Int(Double(perSecond * DemoCommand.regions.count) * seconds)
        var plan = LoadPlan(buyers: count, seconds: seconds, weights: DemoCommand.regions.map { _ in 1 })
        plan.seed = UInt64(lot)
        var settings = Crowd.Settings()
        settings.followsContests = false
        _ = await Crowd(cluster.layout.target(lot: LotID(lot)), settings: settings).run(plan.arrivals())
        // Decisions on their way, and what the next burst should not meet.
        try await Task.sleep(for: .milliseconds(700))
    }
}

/// What the bench found, policy by policy.
struct FairnessResult: Codable {
    struct Policy: Codable {
        let name: String
        let won: Int
        let misallocationPercent: Double
        /// Worst region, over all bursts together.
        let shareErrorPoints: Double
        let uncertainBand: Int
        let late: Int
        /// Share of the winners by region, in percent; and the share of those who came first.
        let wonPercent: [String: Double]
        let firstPercent: [String: Double]
    }
    let bursts: Int
    let ratePerRegion: Int
    let policies: [Policy]
    let decisionMillisecondsP50: Double
    let decisionMillisecondsP99: Double
    let latencyRequests: Int
    let smallCrowd: Int
    let smallForwarded: Int
    let largeCrowd: Int
    let largeForwarded: Int

    static let misallocationLimit = 1.5
    static let shareErrorLimit = 1.0
    static let decisionLimit = 220.0
    static let trafficLimit = 1.5

    var trafficGrowth: Double { Double(self.largeForwarded) / Double(max(1, self.smallForwarded)) }

    var isGood: Bool {
        self.policies[0].misallocationPercent <= Self.misallocationLimit
            && self.policies[0].shareErrorPoints <= Self.shareErrorLimit
            && self.decisionMillisecondsP99 <= Self.decisionLimit && self.trafficGrowth < Self.trafficLimit
    }

    init(_ verifier: Verifier, bursts: Int, rate: Int) {
        let offsets = FairnessBench.offsets.mapValues { Int64($0) }
        func reports(_ first: UInt32) -> [FairnessReport] {
            (0..<UInt32(bursts)).compactMap { verifier.fairness(LotID(first + 2 * $0), offsets: offsets) }
        }
        self.bursts = bursts
        self.ratePerRegion = rate
        self.policies = [Self.policy("stamp", reports(1)), Self.policy("arrival", reports(2))]
        let latency = verifier.fairness(LotID(FairnessBench.latencyLot))
        self.decisionMillisecondsP50 = latency?.decisionMillisecondsP50 ?? 0
        self.decisionMillisecondsP99 = latency?.decisionMillisecondsP99 ?? .infinity
        self.latencyRequests = latency?.passed ?? 0
        let (small, large) = (
            verifier.fairness(LotID(FairnessBench.smallLot)), verifier.fairness(LotID(FairnessBench.largeLot))
        )
        self.smallCrowd = rate / 2 * 3
        self.largeCrowd = rate * 15
        self.smallForwarded = small?.passed ?? 0
        self.largeForwarded = large?.passed ?? 0
    }

    private static func policy(_ name: String, _ reports: [FairnessReport]) -> Policy {
        let won = reports.reduce(0) { $0 + $1.won }
        func shares(_ count: (FairnessReport.Region) -> Int) -> [String: Double] {
            var sums: [String: Int] = [:]
            for region in reports.flatMap(\.regions) { sums[region.name, default: 0] += count(region) }
            return sums.mapValues { Double($0) / Double(max(1, won)) * 100 }
        }
        let (wins, first) = (shares(\.won), shares(\.first))
        return Policy(
            name: name, won: won,
            misallocationPercent: Double(reports.reduce(0) { $0 + $1.misallocated }) / Double(max(1, won)) * 100,
            shareErrorPoints: wins.map { abs($0.value - (first[$0.key] ?? 0)) }.max() ?? 0,
            uncertainBand: reports.reduce(0) { $0 + $1.uncertainBand }, late: reports.reduce(0) { $0 + $1.late },
            wonPercent: wins, firstPercent: first)
    }

    func print(output: String) {
        let rows = self.policies.map { policy in
            [
                policy.name, Output.number(policy.won), String(format: "%.2f %%", policy.misallocationPercent),
                String(format: "%.2f points", policy.shareErrorPoints), "\(policy.uncertainBand)", "\(policy.late)",
            ]
        }
        Output.line(
            "\n\(self.bursts) bursts each, \(3 * self.ratePerRegion) requests/s, clocks -1/0/+1 ms, links 5/40/90 ms one-way:"
        )
        for line in Output.table(
            ["order", "winners", "wrong winners", "worst share error", "too close to tell", "late"], rows)
        { Output.line("  " + line) }
        Output.line(
            String(
                format: "  decisions known at the unit: p50 %.0f ms, p99 %.0f ms (bound %.0f), %d requests",
                self.decisionMillisecondsP50, self.decisionMillisecondsP99, Self.decisionLimit, self.latencyRequests))
        Output.line(
            "  forwarded: \(Output.number(self.smallForwarded)) of \(Output.number(self.smallCrowd)) requests, "
                + "\(Output.number(self.largeForwarded)) of \(Output.number(self.largeCrowd)): "
                + String(format: "%.2f times (bound %.1f)", self.trafficGrowth, Self.trafficLimit))
        Output.line("  \(output)/fairness.json, \(output)/fairness.svg")
        Output.line(self.isGood ? Output.green("PASS") : Output.red("FAIL"))
    }
}
