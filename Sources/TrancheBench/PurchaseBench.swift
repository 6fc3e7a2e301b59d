import ArgumentParser
import Clusters
import Foundation
import Terminal

struct PurchaseBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purchase",
        abstract: "Measure the purchase path of one unit: durable orders per second, in closed loop.",
        discussion:
            "The generator runs on the same machine and uses a part of its CPU. Each 201 is looked up in the ledger."
    )
    @Option(help: "Numbers of connections, one run for each.") var connections = "64,256"
    @Option(help: "Seconds of each run.") var seconds = 8.0
    @Option(help: "Requests that are prepared for each run.") var requests = 400_000
    @Flag(help: "Print JSON, for scripts.") var json = false

    func run() async throws {
        let counts = self.connections.split(separator: ",").compactMap { Int($0) }
        let results: [PurchaseRun]
        do {
            results = try await PurchaseRun.measure(
                connections: counts, seconds: self.seconds, requests: self.requests, each: self.tell)
        } catch let unsound as PurchaseRun.Unsound {
            unsound.report.print()
            throw ExitCode(2)
        }
        if self.json { Output.json(results) } else { Output.line("every 201 is in the ledger") }
    }

    private func tell(_ run: PurchaseRun) {
        guard !self.json else { return }
        Output.line(
            String(
                format:
                    "%4d connections: %6.0f durable orders/s, p50 %.2f ms, p99 %.2f ms (%d orders in %.1f s, %d refusals)",
                run.connections, run.ordersPerSecond, run.p50Milliseconds, run.p99Milliseconds, run.orders, run.seconds,
                run.refusals))
    }
}
