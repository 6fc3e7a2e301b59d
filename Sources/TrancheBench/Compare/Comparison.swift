import Foundation
import LoadGenerator
import Terminal

/// All measurements of one comparison, in order.
final class Comparison {
    private let isQuick: Bool
    private let say: (String) -> Void
    private var report = ComparisonReport()
    private var runs: Int { self.isQuick ? 2 : 5 }
    private var seconds: Double { self.isQuick ? 2 : 4 }
    static let connectionCounts = [64, 256]
    /// Orders are also measured with these; no target belongs to them.
    static let furtherCounts = [1, 16, 1_024]

    init(isQuick: Bool, say: @escaping (String) -> Void) {
        self.isQuick = isQuick
        self.say = say
    }

    func run(_ parts: Set<CompareCommand.Part>) async throws -> ComparisonReport {
        self.report.versions = [
            "tranche": "this tree", "nginx": Program.version("nginx", "-v"),
            "redis": Program.version("redis-server"), "kernel": Program.version("uname", "-r"),
            "processors": String(ProcessInfo.processInfo.activeProcessorCount),
        ]
        if parts.contains(.orders) { try await self.orders() }
        if parts.contains(.refusals) { try await self.refusals() }
        if parts.contains(.open) { try await self.openLoop() }
        if parts.contains(.postgres) { try await self.postgres() }
        if parts.contains(.redis) { try await self.redis() }
        if parts.contains(.durability) { try await self.durability() }
        if parts.contains(.scale) { try await self.scale() }
        if parts.contains(.center) { try await self.center() }
        if parts.contains(.simulation) { self.simulation() }
        self.report.judge()
        return self.report
    }

    /// Runs the contenders in turns, so that a slow minute of the machine affects all of them.
    private func alternate(_ contenders: [any Contender], _ workload: Workload, connections: Int) async throws {
        var samples = [[Sample]](repeating: [], count: contenders.count)
        for _ in 0..<self.runs {
            for (index, contender) in contenders.enumerated() {
                samples[index].append(
                    try await Measuring.sample(contender, workload, connections: connections, seconds: self.seconds))
            }
        }
        for (index, contender) in contenders.enumerated() {
            let row = ComparisonReport.Row(contender, workload, connections: connections, samples[index])
            self.report.rows.append(row)
            self.say("  " + row.line)
        }
    }

    /// Runs nginx with one worker and with two, and keeps the better result; with `--quick`, one worker only.
    private func tuned(_ kind: NginxContender.Kind, fsync: String, _ workload: Workload, connections: Int) async throws
        -> NginxContender
    {
        if self.isQuick { return try NginxContender(kind, workers: 1, fsync: fsync) }
        var best: (contender: NginxContender, perSecond: Double)?
        for workers in [1, 2] {
            let contender = try NginxContender(kind, workers: workers, fsync: fsync)
            let sample = try await Measuring.sample(contender, workload, connections: connections, seconds: 2)
            if sample.perSecond > best?.perSecond ?? 0 { best = (contender, sample.perSecond) }
        }
        return best!.contender
    }

    private func orders() async throws {
        for connections in Self.connectionCounts + Self.furtherCounts {
            self.say("orders, \(connections) connections, \(self.runs) alternating runs of \(Int(self.seconds)) s")
            let peers = [
                try await self.tuned(.single, fsync: "everysec", .orders, connections: connections),
                try await self.tuned(.single, fsync: "always", .orders, connections: connections),
                try await self.tuned(.merged, fsync: "always", .orders, connections: connections),
            ]
            try await self.alternate([UnitContender()] + peers, .orders, connections: connections)
        }
    }

    private func refusals() async throws {
        for connections in Self.connectionCounts {
            self.say("refusals and status questions, \(connections) connections")
            let peers = [
                try await self.tuned(.single, fsync: "everysec", .refusals, connections: connections),
                try await self.tuned(.fixed, fsync: "everysec", .refusals, connections: connections),
            ]
            try await self.alternate([UnitContender()] + peers, .refusals, connections: connections)
            try await self.alternate([UnitContender()], .statuses, connections: connections)
        }
    }

    private func openLoop() async throws {
        let ceiling: Double
        if let measured = self.report.rate("tranche", .orders, 64) {
            ceiling = measured
        } else {
            ceiling = try await Measuring.sample(UnitContender(), .orders, connections: 64, seconds: self.seconds)
                .perSecond
        }
        let rate = ceiling / 2
        self.say("open loop at half the ceiling: \(Int(rate)) orders/s")
        var samples: [Sample] = []
        for _ in 0..<self.runs {
            samples.append(
                try await Measuring.sample(
                    UnitContender(), .orders, connections: 256, seconds: self.isQuick ? 4 : 8,
                    pace: .open(perSecond: rate)))
        }
        let row = ComparisonReport.Row(UnitContender(), .orders, connections: 256, samples, isOpenLoop: true)
        self.report.rows.append(row)
        self.say("  " + row.line)
    }

    private func postgres() async throws {
        let server = try HotRow()
        self.say("PostgreSQL hot row, synchronous_commit=on")
        self.report.versions["postgresql"] = server.version
        try await Stopping.run({ await server.stop() }) {
            try await server.start()
            for clients in [4, 16, 64] {
                var rates: [Double] = []
                for _ in 0..<self.runs { rates.append(try server.run(clients: clients, seconds: self.isQuick ? 2 : 4)) }
                let row = ComparisonReport.Row(
                    "B PostgreSQL hot row", "WAL fsynced before the answer", "pgbench, prepared, unix socket",
                    connections: clients, rates)
                self.report.rows.append(row)
                self.say("  " + row.line)
            }
        }
    }

    private func redis() async throws {
        self.say("Redis alone, one script call per buyer")
        var rates: [Double] = []
        for _ in 0..<self.runs {
            rates.append(try await RedisCeiling.run(clients: 64, calls: self.isQuick ? 100_000 : 300_000))
        }
        let row = ComparisonReport.Row(
            "C redis-benchmark", "AOF fsynced once a second", "no HTTP, no token, unix socket", connections: 64, rates)
        self.report.rows.append(row)
        self.say("  " + row.line)
    }

    private func durability() async throws {
        self.say("kill -9 under load: every 201 must be in the ledger")
        self.report.durability = try await DurabilityRun.run(seconds: self.isQuick ? 2 : 4)
        self.say("  " + self.report.durability!.line)
    }

    private func scale() async throws {
        let orders = self.isQuick ? 200_000 : 1_000_000
        self.say("a unit with \(Output.number(orders)) orders: memory, kill -9, Redis empty, first sale")
        self.report.scale = try await ScaleRun.run(orders: orders, restarts: self.isQuick ? 1 : 3)
        self.say("  " + self.report.scale!.line)
    }

    private func center() async throws {
        self.say("center: units that report 10 times a second")
        self.report.center = try await CenterRun.run(units: 1_000, seconds: self.isQuick ? 5 : 10)
        self.say("  " + self.report.center!.line)
    }

    private func simulation() {
        self.say("simulations: 1,000,000 items over 8 units, and the simulator's own speed")
        self.report.simulation = SimulationRun.run(isQuick: self.isQuick)
        self.say("  " + self.report.simulation!.line)
    }
}
