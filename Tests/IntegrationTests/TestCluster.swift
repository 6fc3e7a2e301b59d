import Clusters
import CurlClient
import DaemonSupport
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import WideArea

/// A cluster of one test, run by `tranche up`, with an open sale of one lot in three equal parts.
final class TestCluster {
    struct Unit { let id: UnitID; let name: String; let url: String; let internalURL: String }

    let folder: String
    let center: String
    /// The addresses of all centers.
    let centers: [String]
    /// Calls the center that leads.
    let leading: CenterCaller
    let coordinator: String
    let units: [Unit]
    /// The gates' addresses, in the order of the regions.
    let gates: [String]
    private let layout: ClusterLayout
    let curl: CurlClient
    private let process: ChildProcess
    private var restarted: [ChildProcess] = []

    private init(folder: String, process: ChildProcess, layout: ClusterLayout) {
        self.folder = folder
        self.process = process
        self.layout = layout
        self.center = layout.centerURL
        self.coordinator = layout.coordinatorURL
        self.centers = layout.centers.all
        self.curl = CurlClient(tls: layout.clientTLS)
        self.leading = CenterCaller(layout.centers, curl: self.curl)
        self.gates = layout.gates.map(\.publicURL)
        self.units = layout.units.map {
            Unit(id: $0.id, name: $0.name, url: $0.publicURL, internalURL: layout.internalURL($0))
        }
    }

    /// Programs lie beside the test bundle.
    static func program(_ name: String) -> URL { URL(fileURLWithPath: LocalCluster.sibling(name)) }

    /// - Parameters:
    ///   - contest: More options of `sale create`.
    ///   - delays: One-way delays between each region and the hub, in milliseconds; no links if `nil`.
    ///   - clocks: Errors of the regions' clocks, as `--clock-offsets` takes them.
    ///   - options: More options of `up`.
    ///   - restarts: Whether `up` starts a process again that a test has killed.
    static func start(
        stock: Int, limit: Int, windowMilliseconds: Int = 60_000, contest: [String] = [], delays: [Int]? = nil,
        clocks: String? = nil, options: [String] = [], restarts: Bool = false
    ) async throws -> TestCluster {
        let folder = try TemporaryFolder.make()
        let log = folder + "/up.log"
        var up = ["up", "--data", folder] + (restarts ? [] : ["--no-restart"]) + options
        if let delays {
            let links = zip(["us-east", "eu-west", "ap-south"], delays).map { "\($0):\n  delay: \($1)\n" }.joined()
            try Data(links.utf8).write(to: URL(fileURLWithPath: folder + "/links.yaml"))
            up += ["--wan", folder + "/links.yaml"]
        }
        if let clocks { up += ["--clock-offsets", clocks] }
        let process = try ChildProcess(
            self.program("tranche").path, up, environment: ProcessInfo.processInfo.environment,
            log: log)
        try await eventually("cluster that listens", seconds: 120) {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if said.contains("Ctrl-C stops it") { return true }
            guard process.isRunning else { throw TestFailure("tranche up ended: \(said)") }
            return false
        }
        let cluster = TestCluster(folder: folder, process: process, layout: try ClusterFolder(path: folder).load())
        for arguments in [
            [
                "sale", "create", "test", "--stock", "\(stock)", "--limit", "\(limit)", "--payment-window",
                "\(Double(windowMilliseconds) / 1_000)",
            ] + contest,
            ["sale", "warm", "test"], ["sale", "open", "test", "--delay", "0"],
        ] {
            let result = try cluster.run(arguments)
            guard result.status == 0 else { throw TestFailure("\(arguments): \(result.output)") }
        }
        for unit in cluster.units {
            try await eventually("sale at \(unit.name)", seconds: 60) { try await cluster.isOpen(unit) }
        }
        return cluster
    }

    private func isOpen(_ unit: Unit) async throws -> Bool {
        let response = try await self.call("GET", "\(unit.url)/v1/lots/1", secret: nil, body: nil)
        return String(decoding: response.body, as: UTF8.self).contains("\"open\"")
    }

    /// Stops every process of the cluster, and waits for its end.
    func stop() {
        for process in self.restarted + [self.process] {
            process.send(SIGTERM)
            _ = process.wait()
        }
    }

    func secret(_ name: String) -> String { self.layout.secret(name) }

    /// One of the secrets that are derived for each unit.
    func secret(_ name: String, of unit: Unit) -> String { self.environment(of: unit)[name] ?? "" }

    /// The certificate in one folder of the cluster's certificates, as `shop-local` or `unit-us-east`.
    func tls(_ holder: String) -> ClientTLS {
        let folder = "\(self.folder)/tls/\(holder)"
        return ClientTLS(certificate: folder + "/cert.pem", key: folder + "/key.pem", authority: folder + "/ca.pem")
    }

    /// The secrets that a unit's process has.
    func environment(of unit: Unit) -> [String: String] { self.layout.secrets(of: .unit(unit.name)) }

    // MARK: commands

    func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try Self.run("tranche", arguments + ["--data", self.folder], ProcessInfo.processInfo.environment)
    }

    /// The output of a daemon that does not start.
    func output(of program: String, _ file: String, _ secrets: [String: String]) throws -> String {
        let base = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
        let result = try Self.run(program, ["--config", file], base.merging(secrets) { $1 })
        #expect(result.status == 1, "\(program) should not start: \(result.output)")
        return result.output
    }

    static func run(
        _ program: String, _ arguments: [String],
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> (status: Int32, output: String) {
        let log = try TemporaryFolder.make() + "/log"
        let process = try ChildProcess(self.program(program).path, arguments, environment: environment, log: log)
        let status = Processes.end(of: process, seconds: 60)
        return (status, (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }

    /// Signals the processes of this cluster that run `program`.
    func signalAll(_ program: String, _ signal: Int32) {
        for pid in self.pids(program, self.folder) { kill(pid, signal) }
        while !self.pids(program, self.folder).isEmpty { usleep(5_000) }
    }

    private func pids(_ program: String, _ mark: String) -> [pid_t] { Processes.running(program, with: mark) }

    /// How many processes of this cluster run `program`.
    func count(_ program: String) -> Int { self.pids(program, self.folder).count }

    /// Kills `tranche up` with a signal that it cannot handle.
    func killParent() {
        self.process.send(SIGKILL)
        _ = self.process.wait()
    }

    /// Signals the one process that runs `program` with a configuration whose path ends so.
    func signal(_ program: String, _ file: String, _ signal: Int32) {
        for pid in self.pids(program, "\(self.folder)/\(file)") { kill(pid, signal) }
    }

    /// Cuts or heals the link from a region to the hub.
    func setLink(_ region: String, delay: Int, isCut: Bool) async throws {
        let state = LinkState(delayMilliseconds: Double(delay), isCut: isCut)
        let control = "http://127.0.0.1:\(self.layout.controlPort ?? 0)"
        let response = try await self.call(
            "PUT", "\(control)/links/\(region)/hub", secret: nil, body: JSON.encode(state))
        guard response.status == 200 else { throw TestFailure(String(decoding: response.body, as: UTF8.self)) }
    }

    /// Kills a unit, and starts it again on its files.
    ///
    /// - Parameter secrets: Secrets that replace the ones that it had.
    func restartUnit(_ unit: Unit, secrets: [String: String] = [:], seconds: Int = 20) async throws {
        let folder = "\(self.folder)/units/\(unit.name)"
        for pid in self.pids("tranche-unit", folder + "/") { kill(pid, SIGKILL) }
        while !self.pids("tranche-unit", folder + "/").isEmpty { usleep(5_000) }
        let process = try ChildProcess(
            Self.program("tranche-unit").path, ["--config", folder + "/unit.yaml"],
            environment: ProcessInfo.processInfo.environment.merging(self.environment(of: unit)) { $1 }
                .merging(secrets) { $1 },
            log: folder + "/log")
        self.restarted.append(process)
        let end = ContinuousClock.now + .seconds(seconds)
        while (try? await self.call("GET", "\(unit.url)/readyz", secret: nil, body: nil))?.status != 200 {
            guard ContinuousClock.now < end else { throw TestFailure("\(unit.name) is not ready after its restart") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Starts the stopped cluster again on its files, with other options of `up`.
    func startAgain(_ options: [String]) async throws {
        let log = self.folder + "/up-again.log"
        let process = try ChildProcess(
            Self.program("tranche").path, ["up", "--data", self.folder, "--no-restart"] + options,
            environment: ProcessInfo.processInfo.environment, log: log)
        self.restarted.append(process)
        try await eventually("cluster that listens again", seconds: 120) {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if said.contains("Ctrl-C stops it") { return true }
            guard process.isRunning else { throw TestFailure("tranche up ended: \(said)") }
            return false
        }
    }

    func copyFiles() throws -> String {
        let target = try TemporaryFolder.make() + "/copy"
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in ["center", "units"] {
            try FileManager.default.copyItem(atPath: "\(self.folder)/\(name)", toPath: "\(target)/\(name)")
        }
        return target
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
