import ArgumentParser
import Clusters
import CurlClient
import DaemonSupport
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

/// A contest of millions of requests, with real processes: what it costs the center, and how long no leader decides.
struct ContestBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contest",
        abstract: "Measure a large contest: the center's memory, and the time until another leader decides.",
        discussion: """
            Fills the log of a lot with decided requests, kills the leading coordinator several times, and measures each
            time how long a buyer of each unit waits who asks in that moment. Exit code 2 if a bound is broken.
            """)
    @Option(help: "Contested requests.") var requests = 5_000_000
    @Option(help: "Times that the leader is killed.") var takeovers = 5
    @Option(help: "The folder for the results.") var output = "bench-results"
    @Flag(help: "A tenth of the requests.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    private static let lot = LotID(1)
    private static let regions = ["east", "west"]
    private static let stock = 10_000

    func run() async throws {
        let folder = ClusterFolder(path: try PrivateFolder.make("tranche-contest"))
        let layout = try ClusterLayout.random(regions: Self.regions)
        try folder.save(layout)
        let cluster = LocalCluster(folder: folder, layout: layout)
        let stop: @Sendable () async -> Void = {
            await cluster.stop()
            try? FileManager.default.removeItem(atPath: folder.path)
        }
        let result = try await Stopping.run(stop) {
            try await cluster.start()
            try await cluster.waitUntilHealthy()
            return try await self.measure(cluster)
        }
        try FileManager.default.createDirectory(atPath: self.output, withIntermediateDirectories: true)
        try Data(JSON.encode(result, pretty: true)).write(to: URL(fileURLWithPath: self.output + "/contest.json"))
        if self.json { Output.json(result) } else { result.print() }
        guard result.isGood else { throw ExitCode(2) }
    }

    private func measure(_ cluster: LocalCluster) async throws -> ContestResult {
        let count = self.quick ? self.requests / 10 : self.requests
        let curl = CurlClient()
        defer { curl.stop() }
        try await self.sell(cluster)
        let buyer = ContestBuyer(layout: cluster.layout, lot: Self.lot, curl: curl)
        _ = try await buyer.secondsUntilAllHaveOne(since: .now)
        for part in [.standby, .coordinator] as [LocalCluster.Part] { await cluster.stop(part) }
        let empty = Self.memory(cluster)
        let begin = ContinuousClock.now
        var filler = try await ContestFiller(cluster.layout, lot: Self.lot, curl: curl)
        try await filler.fill(count, now: SystemClock.now()) { done in
            if !self.json, done % (count / 10) < Limits.entrantsPerBatch, done < count { Output.line("  \(done) …") }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let (full, highest) = (Self.memory(cluster), Self.highestMemory(cluster))
        for part in [.coordinator, .standby] as [LocalCluster.Part] { try cluster.start(part) }
        _ = try await buyer.secondsUntilAllHaveOne(since: .now)
        let takeovers = try await self.takeovers(cluster, buyer)
        let restart = try await self.restartCenter(cluster)
        let again = Self.memory(cluster)
        _ = try await buyer.secondsUntilAllHaveOne(since: .now)
        return ContestResult(
            requests: count, filledPerSecond: Double(count) / seconds,
            bytesPerRequest: Double(full - empty) / Double(count),
            highestBytesPerRequest: Double(highest - empty) / Double(count),
            bytesPerRequestAfterRestart: Double(again - empty) / Double(count), restartSeconds: restart,
            takeoverSeconds: takeovers,
            diskBytesPerRequest: Double(Self.bytes(of: cluster.folder.path + "/center")) / Double(count))
    }

    /// Opens a sale whose lot is contested from the start.
    private func sell(_ cluster: LocalCluster) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let lot = SaleConfig.Lot(
            id: Self.lot, name: "contested", stock: Self.stock, perBuyerLimit: 1, poolPermille: 1_000,
            contest: .init(when: .global, waitlist: 100))
        let sale = SaleConfig.Sale(
            id: "contest", name: "contest", startsAtMilliseconds: now, endsAtMilliseconds: now + 36_000_000,
            paymentWindowMilliseconds: 36_000_000, lots: [lot])
        let client = AdminClient(cluster.layout)
        try await client.waitForUnits(Self.regions.count)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, "contest")
        _ = try await client.waitUntilReady("contest", seconds: 30) { _ in }
        _ = try await client.step(.open, "contest")
    }

    /// Kills the leader, and starts it again when the other one has decided.
    private func takeovers(_ cluster: LocalCluster, _ buyer: ContestBuyer) async throws -> [Double] {
        let client = AdminClient(cluster.layout)
        var seconds: [Double] = []
        for _ in 0..<self.takeovers {
            let leader = try await client.quota().coordinatorURL
            let part: LocalCluster.Part = leader == cluster.layout.coordinatorURL ? .coordinator : .standby
            cluster.kill(part)
            seconds.append(try await buyer.secondsUntilAllHaveOne(since: .now))
            try cluster.start(part)
            try await Task.sleep(for: .milliseconds(1_000))  // The other one is a standby again.
        }
        return seconds
    }

    private func restartCenter(_ cluster: LocalCluster) async throws -> Double {
        let client = AdminClient(cluster.layout)
        cluster.kill(.center)
        let begin = ContinuousClock.now
        try cluster.start(.center)
        while await !client.answers(cluster.layout.centerURL + "/healthz") {
            guard ContinuousClock.now - begin < .seconds(120) else { throw CommandError("the center does not restart") }
            try await Task.sleep(for: .milliseconds(10))
        }
        return (ContinuousClock.now - begin) / .seconds(1)
    }

    private static func memory(_ cluster: LocalCluster) -> Int {
        ProcessFigures.residentBytes(cluster.process(.center) ?? 0)
    }

    /// The highest resident memory of the center's process so far, in bytes (`VmHWM`).
    private static func highestMemory(_ cluster: LocalCluster) -> Int {
        let path = "/proc/\(cluster.process(.center) ?? 0)/status"
        let lines = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
        let fields = lines.first { $0.hasPrefix("VmHWM:") }?.split(separator: " ") ?? []
        return (fields.dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    private static func bytes(of folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.reduce(0) { sum, name in
            let values = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)
            return sum + (values?[.size] as? Int ?? 0)
        }
    }
}
