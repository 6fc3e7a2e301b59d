import LoadGenerator
package import Terminal
import TrancheCore
package import Verification

/// Measures the purchase path of one unit in closed loop: durable orders per second.
package struct PurchaseRun: Codable, Sendable {
    package let connections: Int
    package let seconds: Double
    package let orders: Int
    package let ordersPerSecond: Double
    package let refusals: Int
    package let p50Milliseconds: Double
    package let p99Milliseconds: Double

    /// An order that was answered 201 is not in the ledger, or an invariant is broken.
    package struct Unsound: Error {
        package let report: VerifyReport
        package init(report: VerifyReport) { self.report = report }
    }

    private init(connections: Int, _ result: Drive.Result) {
        self.connections = connections
        self.seconds = result.seconds
        self.orders = result.statuses[201] ?? 0
        self.ordersPerSecond = result.perSecond(201)
        self.refusals = result.answers - self.orders
        self.p50Milliseconds = result.p50Milliseconds
        self.p99Milliseconds = result.p99Milliseconds
    }

    /// Does one run for each number of connections, each on a new cluster.
    ///
    /// - Throws: ``Unsound``, with the findings.
    package static func measure(
        connections: [Int], seconds: Double, requests: Int, interrupt: Interrupt? = nil,
        each: (PurchaseRun) -> Void
    ) async throws -> [PurchaseRun] {
        let unit = MeasuredUnit()
        return try await Stopping.$interrupt.withValue(interrupt) {
            try await Stopping.run({ await unit.stop() }) {
                try await self.measure(unit, connections, seconds: seconds, requests: requests, each: each)
            }
        }
    }

    private static func measure(
        _ unit: MeasuredUnit, _ connections: [Int], seconds: Double, requests: Int, each: (PurchaseRun) -> Void
    ) async throws -> [PurchaseRun] {
        try await unit.start()
        guard let cluster = unit.cluster, let folder = unit.folder else { throw CommandError("the unit did not start") }
        var results: [PurchaseRun] = []
        var acknowledged: [OrderID] = []
        for count in connections {
            let tape = unit.buyTape(count: requests)
            let result = try await Drive(port: unit.port, connections: count, seconds: seconds).run(tape.tape)
            results.append(PurchaseRun(connections: count, result))
            acknowledged += result.created.map { tape.orders[$0] }
            each(results[results.count - 1])
        }
        await cluster.stop()
        let report = try Verifier(folder: folder.path, acknowledged: acknowledged).report()
        guard report.isSound else { throw Unsound(report: report) }
        return results
    }
}
