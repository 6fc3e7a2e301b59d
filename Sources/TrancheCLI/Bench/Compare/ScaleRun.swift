import Foundation
import LoadGenerator
import TrancheCore

/// A unit that has sold a lot: its memory, and how soon it sells again after kill -9 with an empty Redis.
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
        let contender = UnitContender()
        return try await Stopping.run({ await contender.stop() }) {
            try await contender.start()
            return try await self.run(contender, orders: orders, restarts: restarts)
        }
    }

    private static func run(_ contender: UnitContender, orders: Int, restarts: Int) async throws -> ScaleRun {
        var sold = 0
        while sold < orders {
            let tape = contender.buyTape(count: min(200_000, orders - sold))
            let result = try await Drive(port: contender.port, connections: 256, seconds: 120).run(tape.tape)
            guard result.created.count == tape.orders.count else {
                throw CommandError(
                    "\(result.created.count) of \(tape.orders.count) orders were made: \(result.statuses)")
            }
            sold += result.created.count
        }
        let resident = Self.megabytes(contender)
        var times: [Double] = []
        for _ in 0..<restarts { times.append(try await self.restart(contender)) }
        return ScaleRun(
            orders: orders, residentMegabytes: resident, restartedMegabytes: Self.megabytes(contender),
            restartSeconds: median(times), restarts: times)
    }

    private static func megabytes(_ contender: UnitContender) -> Double {
        let process = contender.cluster?.process(.unit("bench")) ?? 0
        return Double(ProcessFigures.residentBytes(process)) / 1e6
    }

    /// Seconds from the kill to the first order that is made.
    private static func restart(_ contender: UnitContender) async throws -> Double {
        guard let cluster = contender.cluster else { throw CommandError("the unit is not running") }
        let tape = contender.buyTape(count: 1)
        let start = ContinuousClock.now
        cluster.kill(.unit("bench"))
        cluster.kill(.redis("bench"))
        try cluster.start(.redis("bench"))
        try cluster.start(.unit("bench"))
        while ContinuousClock.now - start < .seconds(60) {
            let result = try await Drive(port: contender.port, connections: 1, seconds: 0.5).run(tape.tape)
            if result.statuses[201] == 1 {
                let took = (ContinuousClock.now - start).components
                return Double(took.seconds) + Double(took.attoseconds) / 1e18
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw CommandError("no order within a minute of the restart")
    }
}
