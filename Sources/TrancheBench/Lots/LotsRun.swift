import Clusters
import LoadGenerator
import Terminal
import TrancheCore

/// One round of the measurement of many lots in one unit.
struct LotsRun: Codable {
    static let open = 1_000
    static let hot = 100
    /// Requests a second of the storm, for each one of the other lots together.
    static let stormFactor = 10.0
    /// Items of each lot: more than a run sells.
    static let stock = 1_000_000

    /// A rate of orders, and the latency of their answers.
    struct Figures: Codable {
        let ordersPerSecond: Double
        let p50Milliseconds: Double
        let p99Milliseconds: Double
        /// Answers by status and problem code.
        let answers: [String: Int]

        init(_ result: Drive.Result) {
            self.ordersPerSecond = result.perSecond(201)
            self.p50Milliseconds = result.p50Milliseconds
            self.p99Milliseconds = result.p99Milliseconds
            self.answers = result.codes
        }
    }

    /// One open lot, and it is hot.
    let alone: Figures
    /// 1,000 open lots, one of them hot: the cost of lots that nobody asks for.
    let oneOfMany: Figures
    /// 1,000 open lots, 100 of them hot.
    let manyOfMany: Figures
    /// 99 hot lots at a steady rate in open loop: alone, beside a storm on the 100th lot, and the storm itself.
    let calm: Figures
    let besideStorm: Figures
    let storm: Figures

    var manyAgainstAlone: Double { self.manyOfMany.ordersPerSecond / max(1, self.alone.ordersPerSecond) }
    var keptInStorm: Double { self.besideStorm.ordersPerSecond / max(1, self.calm.ordersPerSecond) }

    struct Settings {
        let seconds: Double
        let connections: Int
        /// Requests a second of the other lots together, in the storm's run.
        let rate: Double
        /// Requests that are prepared for each second of a run in closed loop.
        static let preparedPerSecond = 80_000.0
    }

    static func run(_ settings: Settings, _ steps: Steps) async throws -> LotsRun {
        let alone = try await self.withUnit(lots: 1, settings, steps) { unit in
            try await self.closed(unit, [1], settings, steps)
        }
        return try await self.withUnit(lots: Self.open, settings, steps) { unit in
            // The hot lots are spread over all of them.
            let hot = (0..<UInt32(Self.hot)).map { 1 + $0 * UInt32(Self.open / Self.hot) }
            let oneOfMany = try await self.closed(unit, [hot[0]], settings, steps)
            let manyOfMany = try await self.closed(unit, hot, settings, steps)
            let calm = try await self.open(unit, Array(hot.dropFirst()), storm: nil, settings, steps)
            let stormy = try await self.open(unit, Array(hot.dropFirst()), storm: hot[0], settings, steps)
            return LotsRun(
                alone: alone, oneOfMany: oneOfMany, manyOfMany: manyOfMany, calm: calm[0], besideStorm: stormy[0],
                storm: stormy[1])
        }
    }

    private static func withUnit<Value>(
        lots: Int, _ settings: Settings, _ steps: Steps, _ body: (MeasuredUnit) async throws -> Value
    ) async throws -> Value {
        let all = (1...UInt32(lots)).map { MeasuredUnit.lot(LotID($0), stock: self.stock) }
        let unit = MeasuredUnit(lots: all, connections: 4 * settings.connections + 64)
        return try await Stopping.run({ await unit.stop() }) {
            try await steps.run("starting a unit with \(Output.number(lots)) lots") { try await unit.start() }
            return try await body(unit)
        }
    }

    /// The most orders a second of these lots in turns, in closed loop.
    private static func closed(
        _ unit: MeasuredUnit, _ lots: [UInt32], _ settings: Settings, _ steps: Steps
    ) async throws -> Figures {
        try await steps.run("closed loop, hot lots: \(lots.count)") {
            let tape = unit.buyTape(lots.map { LotID($0) }, count: Int(settings.seconds * Settings.preparedPerSecond))
            let drive = Drive(port: unit.port, connections: settings.connections, seconds: settings.seconds)
            return Figures(try await drive.run(tape.tape))
        }
    }

    /// The others at their rate, and beside them the storm, if there is one; each has connections of its own.
    private static func open(
        _ unit: MeasuredUnit, _ others: [UInt32], storm: UInt32?, _ settings: Settings, _ steps: Steps
    ) async throws -> [Figures] {
        let stormText = storm.map { _ in ", beside a storm of \(Int(Self.stormFactor)) times as many on one lot" } ?? ""
        return try await steps.run("\(others.count) lots at \(Int(settings.rate)) requests/s\(stormText)") {
            var streams = [(others, settings.rate, settings.connections)]
            if let storm { streams.append(([storm], settings.rate * Self.stormFactor, 3 * settings.connections)) }
            let prepared = streams.map { lots, rate, connections in
                (unit.buyTape(lots.map { LotID($0) }, count: Int(rate * settings.seconds)).tape, rate, connections)
            }
            let port = unit.port
            return try await withThrowingTaskGroup(of: (Int, Figures).self) { group in
                for (index, (tape, rate, connections)) in prepared.enumerated() {
                    group.addTask {
                        var drive = Drive(port: port, connections: connections, seconds: settings.seconds)
                        drive.pace = .open(perSecond: rate)
                        return (index, Figures(try await drive.run(tape)))
                    }
                }
                var figures: [Int: Figures] = [:]
                for try await (index, one) in group { figures[index] = one }
                return prepared.indices.compactMap { figures[$0] }
            }
        }
    }
}
