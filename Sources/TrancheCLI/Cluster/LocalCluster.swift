import CurlClient
import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore
import WideArea

/// Real processes on this machine: a center, a coordinator, and a unit with a Redis for each region.
final class LocalCluster: Sendable {
    enum Part: Hashable, Sendable, CustomStringConvertible {
        case center, coordinator, standby, unit(String), redis(String)
        var description: String {
            switch self {
            case .center: "config-center"
            case .coordinator: "coordinator"
            case .standby: "second coordinator"
            case .unit(let name): "unit \(name)"
            case .redis(let name): "redis of \(name)"
            }
        }
    }

    let folder: ClusterFolder
    let layout: ClusterLayout
    /// Errors of units' clocks, in microseconds, by name: to rehearse clocks that are wrong. A unit takes it at its
    /// start.
    let clockOffsets: NIOLockedValueBox<[String: Int]>
    /// What a part is told instead of its secret for the center: to rehearse an operator's slip.
    let wrongSecrets = NIOLockedValueBox<[Part: String]>([:])
    let wide: WideArea?
    private let processes = NIOLockedValueBox<[Part: ChildProcess]>([:])
    /// Once it stops, nothing is started any more, although a nemesis may still break and mend parts.
    private let isStopping = NIOLockedValueBox(false)
    /// Processes that ended although nobody stopped them.
    private let died = NIOLockedValueBox<[ProcessDeath]>([])
    private let watch = NIOLockedValueBox<Task<Void, Never>?>(nil)
    private let onDeath: @Sendable (ProcessDeath) -> Void
    private static let watchMilliseconds = 100

    /// - Parameter onDeath: Hears of each process that ends although nobody stopped it, and may start it again.
    init(
        folder: ClusterFolder, layout: ClusterLayout, wan: WideAreaPlan? = nil, clockOffsets: [String: Int] = [:],
        onDeath: @escaping @Sendable (ProcessDeath) -> Void = { _ in }
    ) {
        self.onDeath = onDeath
        self.wide = wan.map { WideArea($0) }
        self.clockOffsets = NIOLockedValueBox(clockOffsets)
        self.folder = folder
        self.layout = layout
    }

    var parts: [Part] {
        self.layout.units.flatMap { [.redis($0.name), .unit($0.name)] } + [.center, .coordinator, .standby]
    }

    func start() async throws {
        try await self.startLinks()
        try self.folder.make(self.folder.backtraces)
        for name in self.layout.units.map(\.name) {
            try self.folder.make(self.folder.unit(name))
            let socket = self.folder.socket(name)
            guard socket.utf8.count < 108 else {
                throw CommandError("\(socket) is too long for a socket: choose a shorter --data")
            }
        }
        try self.folder.make(self.folder.path + "/center")
        self.startWatch()
        for name in self.layout.units.map(\.name) { try self.start(.redis(name)) }
        try self.start(.center)
        for name in self.layout.units.map(\.name) { try self.start(.unit(name)) }
        try self.start(.coordinator)
        try self.start(.standby)
    }

    private func startLinks() async throws {
        guard let wide, let control = self.layout.controlPort else { return }
        for unit in self.layout.units {
            guard let links = unit.links else { continue }
            let hub = WideArea.hub
            try await wide.connect(port: links.center, target: self.layout.centerPort, from: unit.name, to: hub)
            try await wide.connect(
                port: links.coordinator, target: self.layout.coordinatorPort, from: unit.name, to: hub)
            try await wide.connect(port: links.standby, target: self.layout.standbyPort, from: unit.name, to: hub)
            try await wide.connect(port: links.unit, target: unit.internalPort, from: hub, to: unit.name)
        }
        wide.serveControl(port: control, logger: Logger(label: "links") { _ in SwiftLogNoOpLogHandler() })
    }

    /// What has gone over the links so far.
    var links: [WideArea.Report] { self.wide?.report ?? [] }

    /// Changes one direction of a wide-area link, as `REGION>hub` or `hub>REGION`.
    func setLink(_ name: String, _ state: LinkState) throws { try self.wide?.set(name, state) }

    func start(_ part: Part) throws {
        guard !self.isStopping.withLockedValue({ $0 }) else { throw CommandError("the cluster stops") }
        let (path, arguments) = try self.command(part)
        // No process knows what it does not need: neither of the others' secrets nor of this one's environment.
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
            .merging(self.secrets(of: part)) { $1 }
            .merging(Backtraces.environment(folder: self.folder.backtraces)) { $1 }
        let process = try ChildProcess(path, arguments, environment: environment, log: self.log(part))
        self.processes.withLockedValue { $0[part] = process }
    }

    func secrets(of part: Part) -> [String: String] {
        guard let wrong = self.wrongSecrets.withLockedValue({ $0[part] }) else { return self.layout.secrets(of: part) }
        return self.layout.secrets(of: part).merging(["TRANCHE_UNIT_SECRET": wrong]) { $1 }
    }

    /// Looks now and then for processes that have ended although nobody stopped them.
    private func startWatch() {
        let task = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(Self.watchMilliseconds))
                guard let self else { return }
                for death in self.takeDead() {
                    self.died.withLockedValue { $0.append(death) }
                    self.onDeath(death)
                }
            }
        }
        self.watch.withLockedValue { $0 = task }
    }

    private func takeDead() -> [ProcessDeath] {
        self.processes.withLockedValue { processes in
            processes.compactMap { part, process in
                guard let ending = process.ending else { return nil }
                processes[part] = nil
                return ProcessDeath(
                    part: part, pid: process.pid, ending: ending,
                    backtrace: Backtraces.find(folder: self.folder.backtraces, pid: process.pid), log: self.log(part))
            }
        }
    }

    /// Processes that ended although nobody stopped them, in order.
    var deaths: [ProcessDeath] { self.died.withLockedValue { $0 } }

    private func log(_ part: Part) -> String {
        switch part {
        case .redis(let name): self.folder.unit(name) + "/redis.log"
        case .center: self.folder.path + "/center/log"
        case .coordinator: self.folder.path + "/coordinator.log"
        case .standby: self.folder.path + "/standby.log"
        case .unit(let name): self.folder.unit(name) + "/log"
        }
    }

    private func command(_ part: Part) throws -> (path: String, arguments: [String]) {
        switch part {
        case .redis(let name):
            return (try Self.find("redis-server"), Self.redis(self.folder.socket(name), self.folder.unit(name)))
        case .center:
            let file = try self.write(
                "center/center.yaml",
                [
                    "center": ["port": self.layout.centerPort], "data": ["folder": self.folder.path + "/center"],
                    "tls": self.tls,
                ])
            return (Self.sibling("tranche-config-center"), ["--config", file])
        case .coordinator, .standby:
            let isFirst = part == .coordinator
            let file = try self.write(
                isFirst ? "coordinator.yaml" : "standby.yaml",
                [
                    "coordinator": ["port": isFirst ? self.layout.coordinatorPort : self.layout.standbyPort],
                    "center": ["url": self.layout.centerURL], "tls": self.tls,
                ])
            return (Self.sibling("tranche-coordinator"), ["--config", file])
        case .unit(let name):
            let unit = self.layout.units.first { $0.name == name }!
            let file = try self.write("units/\(name)/unit.yaml", self.values(of: unit))
            return (Self.sibling("tranche-unit"), ["--config", file])
        }
    }

    /// Redis is a witness, not the truth: what it loses is rebuilt from the ledger, so it need not write to disk.
    static func redis(_ socket: String, _ folder: String) -> [String] {
        [
            "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "no", "--daemonize",
            "no",
        ]
    }

    /// The settings of a unit.
    func values(of unit: ClusterLayout.Unit) -> [String: [String: any CustomStringConvertible]] {
        let name = unit.name
        var values: [String: [String: any CustomStringConvertible]] = [
            "unit": ["id": Int(unit.id.rawValue), "name": name, "region": name],
            "public": ["port": unit.publicPort], "internal": ["port": unit.internalPort],
            "redis": ["address": self.folder.socket(name)], "center": ["url": self.layout.centerURL],
            "data": ["folder": self.folder.unit(name)],
            "clock": [
                "offset": self.clockOffsets.withLockedValue { $0[name] ?? 0 },
                "stepfile": self.folder.clockSteps(name),
            ],
            "tls": self.tls,
        ]
        if self.wide != nil, let links = unit.links {
            let scheme = self.layout.scheme
            values["center"] = ["url": "\(scheme)://127.0.0.1:\(links.center)"]
            values["internal"]?["url"] = "\(scheme)://127.0.0.1:\(links.unit)"
            values["links"] = [
                "routes": "\(self.layout.coordinatorURL)=\(scheme)://127.0.0.1:\(links.coordinator),"
                    + "\(self.layout.standbyURL)=\(scheme)://127.0.0.1:\(links.standby)"
            ]
        }
        return values
    }

    private var tls: [String: any CustomStringConvertible] {
        guard let files = self.layout.clientTLS else { return [:] }
        return ["certificate": files.certificate, "key": files.key, "authority": files.authority]
    }

    /// Writes a two-level YAML file.
    func write(_ name: String, _ values: [String: [String: any CustomStringConvertible]]) throws -> String {
        let path = "\(self.folder.path)/\(name)"
        let text = values.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { section, entries in
            "\(section):\n"
                + entries.sorted { $0.key < $1.key }.map { key, value in
                    value is Int ? "  \(key): \(value)\n" : "  \(key): \"\(value)\"\n"
                }.joined()
        }.joined()
        try self.folder.write(text, to: path)
        return path
    }

    /// The number of a part's process, while it runs.
    func process(_ part: Part) -> Int32? { self.processes.withLockedValue { $0[part] }?.pid }

    func isRunning(_ part: Part) -> Bool { self.processes.withLockedValue { $0[part]?.isRunning ?? false } }

    /// Ends a part at once, as a crash would.
    func kill(_ part: Part) { self.processes.withLockedValue { $0.removeValue(forKey: part) }?.crash() }

    /// Sends a signal to a part: SIGSTOP and SIGCONT, to pause it.
    func signal(_ part: Part, _ signal: Int32) { self.processes.withLockedValue { $0[part] }?.send(signal) }

    /// Stops a part, and waits for it.
    func stop(_ part: Part) async {
        guard let process = self.processes.withLockedValue({ $0.removeValue(forKey: part) }) else { return }
        process.send(SIGTERM)
        process.send(SIGCONT)  // A process that was stopped would not hear it.
        for _ in 0..<600 where process.isRunning { try? await Task.sleep(for: .milliseconds(25)) }
        process.crash()
    }

    /// Stops everything: coordinator and center first, then units, and Redis last.
    func stop() async {
        self.isStopping.withLockedValue { $0 = true }
        self.watch.withLockedValue { $0 }?.cancel()
        for part in [.standby, .coordinator, .center] as [Part] { await self.stop(part) }
        await withDiscardingTaskGroup { group in
            for unit in self.layout.units { group.addTask { await self.stop(.unit(unit.name)) } }
        }
        for unit in self.layout.units { await self.stop(.redis(unit.name)) }
        await self.wide?.close()
    }

    /// Waits until every part answers.
    func waitUntilHealthy(seconds: Int = 20) async throws {
        let client = AdminClient(self.layout)
        // A unit is ready when the center has accepted its ledger.
        let addresses =
            [self.layout.centerURL + "/healthz", self.layout.coordinatorURL + "/healthz"]
            + self.layout.units.map { $0.publicURL + "/readyz" }
        let end = ContinuousClock.now + .seconds(seconds)
        for address in addresses {
            while await !client.answers(address) {
                if let dead = self.parts.first(where: { !self.isRunning($0) }) {
                    throw CommandError(
                        "the \(dead) ended at its start; \(self.log(dead)) says:\n\(self.lastWords(dead))")
                }
                guard ContinuousClock.now < end else {
                    throw CommandError("\(address) does not answer; see the logs below \(self.folder.path)")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func lastWords(_ part: Part) -> String {
        let text =
            FileManager.default.contents(atPath: self.log(part)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(5).joined(separator: "\n")
    }

    /// The daemons lie beside this program.
    static func sibling(_ name: String) -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appendingPathComponent(name).path
    }

    static func find(_ name: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":") + ["/usr/bin", "/usr/sbin"]
        where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        let package = name.hasPrefix("redis-") ? "redis-server" : name
        throw CommandError("\(name) is not installed; on Debian and Ubuntu: apt-get install \(package)")
    }
}
