import ArgumentParser
import Foundation
import LoadGenerator
import TrancheAPI
import TrancheCore
import Verification

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure, on this machine.",
        subcommands: [PurchaseBench.self, CompareCommand.self, FairnessBench.self],
        defaultSubcommand: PurchaseBench.self)
}

struct PurchaseBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purchase",
        abstract: "Measure the purchase path of one unit: durable orders per second, in closed loop.",
        discussion:
            "The generator runs on the same machine and takes its share of it. Every 201 is looked up in the ledger afterwards."
    )
    @Option(help: "Connections, one run each.") var connections = "64,256"
    @Option(help: "Seconds of each run.") var seconds = 8.0
    @Option(help: "Requests made ready for each run.") var requests = 400_000
    @Flag(help: "Print JSON, for scripts.") var json = false

    func run() async throws {
        let counts = self.connections.split(separator: ",").compactMap { Int($0) }
        let results = try await Self.measure(connections: counts, seconds: self.seconds, requests: self.requests) {
            guard !self.json else { return }
            Output.line(
                String(
                    format:
                        "%4d connections: %6.0f durable orders/s, p50 %.2f ms, p99 %.2f ms (%d orders in %.1f s, %d refusals)",
                    $0.connections, $0.ordersPerSecond, $0.p50Milliseconds, $0.p99Milliseconds, $0.orders, $0.seconds,
                    $0.refusals))
        }
        if self.json { Output.json(results) } else { Output.line("every 201 is in the ledger") }
    }

    /// What one run came to.
    struct Figure: Codable {
        let connections: Int
        let seconds: Double
        let orders: Int
        let ordersPerSecond: Double
        let refusals: Int
        let p50Milliseconds: Double
        let p99Milliseconds: Double

        init(connections: Int, _ result: Drive.Result) {
            self.connections = connections
            self.seconds = result.seconds
            self.orders = result.statuses[201] ?? 0
            self.ordersPerSecond = result.perSecond(201)
            self.refusals = result.answers - self.orders
            self.p50Milliseconds = result.p50Milliseconds
            self.p99Milliseconds = result.p99Milliseconds
        }
    }

    /// One run for each count of connections, on a cluster of its own.
    ///
    /// - Throws: Exit code 2, after the findings, if a 201 is not in the ledger.
    static func measure(
        connections: [Int], seconds: Double, requests: Int, interrupt: Interrupt? = nil,
        each: (Figure) -> Void
    ) async throws -> [Figure] {
        let contender = UnitContender()
        return try await Stopping.$interrupt.withValue(interrupt) {
            try await Stopping.run({ await contender.stop() }) {
                try await self.measure(contender, connections, seconds: seconds, requests: requests, each: each)
            }
        }
    }

    private static func measure(
        _ contender: UnitContender, _ connections: [Int], seconds: Double, requests: Int, each: (Figure) -> Void
    ) async throws -> [Figure] {
        try await contender.start()
        guard let cluster = contender.cluster, let folder = contender.folder else {
            throw CommandError("the unit did not start")
        }
        var results: [Figure] = []
        var acknowledged: [OrderID] = []
        for count in connections {
            let tape = contender.buyTape(count: requests)
            let result = try await Drive(port: contender.port, connections: count, seconds: seconds).run(tape.tape)
            results.append(Figure(connections: count, result))
            acknowledged += result.created.map { tape.orders[$0] }
            each(results[results.count - 1])
        }
        await cluster.stop()
        let report = try Verifier(folder: folder.path, acknowledged: acknowledged).report()
        guard report.isSound else {
            report.print()
            throw ExitCode(2)
        }
        return results
    }
}
