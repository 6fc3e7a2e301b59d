import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Real processes on this machine: a center, a coordinator, and a unit with a Redis for each region.
final class LocalCluster: Sendable {
    enum Part: Hashable, Sendable, CustomStringConvertible {
        case center, coordinator, unit(String), redis(String)
        var description: String {
            switch self {
            case .center: "config-center"
            case .coordinator: "coordinator"
            case .unit(let name): "unit \(name)"
            case .redis(let name): "redis of \(name)"
            }
        }
    }

    let folder: ClusterFolder
    let layout: ClusterLayout
    private let processes = NIOLockedValueBox<[Part: ChildProcess]>([:])

    init(folder: ClusterFolder, layout: ClusterLayout) {
        self.folder = folder
        self.layout = layout
    }

    var parts: [Part] {
        self.layout.units.flatMap { [.redis($0.name), .unit($0.name)] } + [.center, .coordinator]
    }

    func start() throws {
        for name in self.layout.units.map(\.name) {
            try FileManager.default.createDirectory(atPath: self.folder.unit(name), withIntermediateDirectories: true)
            let socket = self.folder.socket(name)
            guard socket.utf8.count < 108 else {
                throw CommandError("\(socket) is too long for a socket: choose a shorter --data")
            }
        }
        try FileManager.default.createDirectory(atPath: self.folder.path + "/center", withIntermediateDirectories: true)
        for name in self.layout.units.map(\.name) { try self.start(.redis(name)) }
        try self.start(.center)
        for name in self.layout.units.map(\.name) { try self.start(.unit(name)) }
        try self.start(.coordinator)
    }

    func start(_ part: Part) throws {
        let (path, arguments) = try self.command(part)
        let environment = ProcessInfo.processInfo.environment.merging(self.layout.secrets) { $1 }
        let process = try ChildProcess(path, arguments, environment: environment, log: self.log(part))
        self.processes.withLockedValue { $0[part] = process }
    }

    private func log(_ part: Part) -> String {
        switch part {
        case .redis(let name): self.folder.unit(name) + "/redis.log"
        case .center: self.folder.path + "/center/log"
        case .coordinator: self.folder.path + "/coordinator.log"
        case .unit(let name): self.folder.unit(name) + "/log"
        }
    }

    private func command(_ part: Part) throws -> (path: String, arguments: [String]) {
        switch part {
        case .redis(let name):
            // Redis is a witness, not the truth: what it loses is rebuilt from the ledger, so it need not write to disk.
            return (
                try Self.find("redis-server"),
                [
                    "--port", "0", "--unixsocket", self.folder.socket(name), "--dir", self.folder.unit(name), "--save",
                    "",
                    "--appendonly", "no", "--daemonize", "no",
                ]
            )
        case .center:
            let file = try self.write(
                "center/center.yaml",
                [
                    "center": ["port": self.layout.centerPort], "data": ["folder": self.folder.path + "/center"],
                ])
            return (Self.sibling("tranche-config-center"), ["--config", file])
        case .coordinator:
            let file = try self.write(
                "coordinator.yaml",
                [
                    "coordinator": ["port": self.layout.coordinatorPort], "center": ["url": self.layout.centerURL],
                ])
            return (Self.sibling("tranche-coordinator"), ["--config", file])
        case .unit(let name):
            let unit = self.layout.units.first { $0.name == name }!
            let file = try self.write(
                "units/\(name)/unit.yaml",
                [
                    "unit": ["id": Int(unit.id.rawValue), "name": name, "region": name],
                    "public": ["port": unit.publicPort], "internal": ["port": unit.internalPort],
                    "redis": ["address": self.folder.socket(name)], "center": ["url": self.layout.centerURL],
                    "data": ["folder": self.folder.unit(name)],
                ])
            return (Self.sibling("tranche-unit"), ["--config", file])
        }
    }

    /// Writes a two-level YAML file.
    private func write(_ name: String, _ values: [String: [String: any CustomStringConvertible]]) throws -> String {
        let path = "\(self.folder.path)/\(name)"
        let text = values.sorted { $0.key < $1.key }.map { section, entries in
            "\(section):\n"
                + entries.sorted { $0.key < $1.key }.map { key, value in
                    value is Int ? "  \(key): \(value)\n" : "  \(key): \"\(value)\"\n"
                }.joined()
        }.joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    func isRunning(_ part: Part) -> Bool { self.processes.withLockedValue { $0[part]?.isRunning ?? false } }

    /// Ends a part at once, as a crash would.
    func kill(_ part: Part) { self.processes.withLockedValue { $0.removeValue(forKey: part) }?.crash() }

    /// Stops a part, and waits for it.
    func stop(_ part: Part) async {
        guard let process = self.processes.withLockedValue({ $0.removeValue(forKey: part) }) else { return }
        process.send(SIGTERM)
        for _ in 0..<600 where process.isRunning { try? await Task.sleep(for: .milliseconds(25)) }
        process.crash()
    }

    /// Stops everything: coordinator and center first, then units, and Redis last.
    func stop() async {
        for part in [.coordinator, .center] as [Part] { await self.stop(part) }
        await withDiscardingTaskGroup { group in
            for unit in self.layout.units { group.addTask { await self.stop(.unit(unit.name)) } }
        }
        for unit in self.layout.units { await self.stop(.redis(unit.name)) }
    }

    /// Waits until every part answers.
    func waitUntilHealthy(seconds: Int = 20) async throws {
        let client = AdminClient(self.layout)
        // A unit is ready when the center has accepted its ledger.
        let addresses =
            [self.layout.centerURL + "/healthz", "http://127.0.0.1:\(self.layout.coordinatorPort)/healthz"]
            + self.layout.units.map { $0.publicURL + "/readyz" }
        let end = ContinuousClock.now + .seconds(seconds)
        for address in addresses {
            while await !client.answers(address) {
                if let dead = self.parts.first(where: { !self.isRunning($0) }) {
                    throw CommandError(
                        "the \(dead) ended at its start; its log is below \(self.folder.path):\n\(self.lastWords(dead))"
                    )
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
    private static func sibling(_ name: String) -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appendingPathComponent(name).path
    }

    private static func find(_ name: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":") + ["/usr/bin"]
        where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        throw CommandError("\(name) is not installed; on Debian and Ubuntu: apt-get install redis-server")
    }
}
