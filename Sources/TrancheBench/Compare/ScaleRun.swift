import Clusters
import Foundation
import LoadGenerator
import Terminal

/// Measures a unit with many orders: its memory, and the time until it sells again after SIGKILL with an empty Redis.
struct ScaleRun: Codable {
    let orders: Int
    let residentMegabytes: Double
    let restartedMegabytes: Double
    let restartSeconds: Double
    let restarts: [Double]

    var line: String {
        String(
            format: "%.0f MB resident, %.0f MB after the restart, first sale %.2f s after kill -9",
            self.residentMegabytes,
            self.restartedMegabytes, self.restartSeconds)
    }

    static func run(orders: Int, restarts: Int) async throws -> ScaleRun {
        let unit = MeasuredUnit()
        return try await Stopping.run({ await unit.stop() }) {
            try await unit.start()
            return try await self.run(unit, orders: orders, restarts: restarts)
        }
    }

    private static func run(_ unit: MeasuredUnit, orders: Int, restarts: Int) async throws -> ScaleRun {
        var sold = 0
        while sold < orders {
            let tape = unit.buyTape(count: min(200_000, orders - sold))
            let result = try await Drive(port: unit.port, connections: 256, seconds: 120).run(tape.tape)
            guard result.created.count == tape.orders.count else {
                throw CommandError(
                    "only \(result.created.count) of \(tape.orders.count) orders were created: \(result.statuses)")
            }
            sold += result.created.count
        }
        let resident = Self.megabytes(unit)
        var times: [Double] = []
        for _ in 0..<restarts { times.append(try await self.restart(unit)) }
        return ScaleRun(
            orders: orders, residentMegabytes: resident, restartedMegabytes: Self.megabytes(unit),
            restartSeconds: median(times), restarts: times)
    }

    static func megabytes(_ unit: MeasuredUnit) -> Double {
        let process = unit.cluster?.process(.unit(MeasuredUnit.name)) ?? 0
        return Double(ProcessFigures.residentBytes(process)) / 1e6
    }

    /// Seconds from the kill to the first new order.
    static func restart(_ unit: MeasuredUnit) async throws -> Double {
        guard let cluster = unit.cluster else { throw CommandError("the unit is not running") }
        let tape = unit.buyTape(count: 1)
        let start = ContinuousClock.now
        cluster.kill(.unit(MeasuredUnit.name))
        cluster.kill(.redis(MeasuredUnit.name))
        try cluster.start(.redis(MeasuredUnit.name))
        try cluster.start(.unit(MeasuredUnit.name))
        while ContinuousClock.now - start < .seconds(60) {
            let result = try await Drive(port: unit.port, connections: 1, seconds: 0.5).run(tape.tape)
            if result.statuses[201] == 1 {
                let took = (ContinuousClock.now - start).components
                return Double(took.seconds) + Double(took.attoseconds) / 1e18
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw CommandError("no order within a minute of the restart")
    }
}
