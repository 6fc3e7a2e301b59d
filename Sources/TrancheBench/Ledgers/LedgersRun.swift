import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import NIOCore
import NIOPosix
import Sockets
import Storage
import Terminal
import TrancheCore
import Verification
import WideArea

/// Orders through a real unit whose ledger is a file, or in PostgreSQL with one standby that confirms from afar.
struct LedgersRun: Codable {
    enum Engine: String, Codable, CaseIterable { case sqlite, postgres }

    let engine: Engine
    let connections: Int
    let ordersPerSecond: Double
    let p50Milliseconds: Double
    let p99Milliseconds: Double
    let orders: Int
    let refusals: Int

    struct Settings {
        let connections: [Int]
        let seconds: Double
        let rounds: Int
        /// Between the primary and its standby, one way.
        let oneWayMilliseconds: Double
        /// Requests that are prepared for each second of a run.
        static let preparedPerSecond = 60_000.0
    }

    /// Does the runs of both ledgers in turns, each on a new unit.
    ///
    /// - Throws: ``PurchaseRun/Unsound`` if an order that was answered 201 is not in its ledger.
    static func measure(_ settings: Settings, _ steps: Steps) async throws -> [LedgersRun] {
        let far = try await FarStandby(oneWayMilliseconds: settings.oneWayMilliseconds)
        return try await Stopping.run({ await far.stop() }) {
            try await steps.run("starting PostgreSQL with a standby") { try far.start() }
            var runs: [LedgersRun] = []
            for round in 1...settings.rounds {
                for engine in Engine.allCases {
                    let ledger = engine == .postgres ? try far.newDatabase() : nil
                    let name = "round \(round) of \(settings.rounds), \(engine.rawValue)"
                    runs += try await steps.run(name) { try await self.measure(engine, ledger, settings, steps) }
                }
            }
            return runs
        }
    }

    private static func measure(
        _ engine: Engine, _ ledger: String?, _ settings: Settings, _ steps: Steps
    ) async throws -> [LedgersRun] {
        let unit = MeasuredUnit(connections: (settings.connections.max() ?? 0) + 64, ledger: ledger)
        do {
            let runs = try await self.measure(unit, engine, settings, steps)
            await unit.stop()
            return runs
        } catch {
            await unit.stop()
            throw error
        }
    }

    private static func measure(
        _ unit: MeasuredUnit, _ engine: Engine, _ settings: Settings, _ steps: Steps
    ) async throws -> [LedgersRun] {
        try await unit.start()
        guard let cluster = unit.cluster, let folder = unit.folder else { throw CommandError("the unit did not start") }
        var (runs, acknowledged) = ([LedgersRun](), [OrderID]())
        for connections in settings.connections {
            let tape = unit.buyTape(count: Int(settings.seconds * Settings.preparedPerSecond))
            let drive = Drive(port: unit.port, connections: connections, seconds: settings.seconds)
            let result = try await drive.run(tape.tape)
            acknowledged += result.created.map { tape.orders[$0] }
            let orders = result.statuses[201] ?? 0
            runs.append(
                LedgersRun(
                    engine: engine, connections: connections, ordersPerSecond: result.perSecond(201),
                    p50Milliseconds: result.createdP50Milliseconds, p99Milliseconds: result.createdP99Milliseconds,
                    orders: orders, refusals: result.answers - orders))
            steps.say("  \(runs[runs.count - 1].line)")
        }
        await cluster.stop()
        let report = try Verifier(folder: folder.path, acknowledged: acknowledged).report()
        guard report.isSound else { throw PurchaseRun.Unsound(report: report) }
        return runs
    }

    var line: String {
        String(
            format: "%4d connections: %6.0f durable orders/s, p50 %.2f ms, p99 %.2f ms (%d refusals)",
            self.connections, self.ordersPerSecond, self.p50Milliseconds, self.p99Milliseconds, self.refusals)
    }
}

/// A PostgreSQL whose one standby, which has to confirm, is behind a link.
private final class FarStandby: Sendable {
    private let folder: String
    private let primary: MeasuredServer
    private let standby: MeasuredServer
    private let proxy: LinkProxy
    private let group: MultiThreadedEventLoopGroup

    init(oneWayMilliseconds: Double) async throws {
        let folder = try PrivateFolder.make("tranche-ledgers")
        // The servers' user must get through.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: folder)
        let ports = try FreePorts.take(2)
        let settings = ["synchronous_standby_names=ANY 1 (b)", "max_wal_size=1GB"]
        self.primary = try MeasuredServer("a", folder: folder + "/a", port: ports[0], settings: settings)
        self.standby = try MeasuredServer("b", folder: folder + "/b", port: ports[1], settings: settings)
        let state = LinkState(delayMilliseconds: oneWayMilliseconds)
        (self.folder, self.group) = (folder, MultiThreadedEventLoopGroup(numberOfThreads: 1))
        self.proxy = try await LinkProxy(
            port: 0, target: ports[0], forward: Link("standby", "primary", state),
            backward: Link("primary", "standby", state), group: self.group)
    }

    func start() throws {
        try self.primary.make()
        try self.primary.start()
        try self.standby.copy(from: self.proxy.port)
        try self.standby.start()
        try self.primary.waitForStandbys(1)
    }

    /// - Returns: The connection string of a new database.
    func newDatabase() throws -> String {
        let name = "unit\(UInt32.random(in: 0...UInt32.max))"
        _ = try self.primary.ask("CREATE DATABASE \(name)")
        return MeasuredServer.target([self.primary], database: name)
    }

    func stop() async {
        self.standby.kill()
        self.primary.kill()
        await self.proxy.close()
        try? await self.group.shutdownGracefully()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}
