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
    private let processes = NIOLockedValueBox<[Part: Process]>([:])

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
            guard socket.utf8.count < 108 else { throw CommandError("\(socket) is too long for a socket: choose a shorter --data") }
        }
        try FileManager.default.createDirectory(atPath: self.folder.path + "/center", withIntermediateDirectories: true)
        for name in self.layout.units.map(\.name) { try self.start(.redis(name)) }
        try self.start(.center)
        for name in self.layout.units.map(\.name) { try self.start(.unit(name)) }
        try self.start(.coordinator)
    }

    func start(_ part: Part) throws {
        let process = Process()
        let log: String
        switch part {
        case .redis(let name):
            log = self.folder.unit(name) + "/redis.log"
            process.executableURL = try Self.find("redis-server")
            // Redis is a witness, not the truth: what it loses is rebuilt from the ledger, so it need not write to disk.
            process.arguments = [
                "--port", "0", "--unixsocket", self.folder.socket(name), "--dir", self.folder.unit(name), "--save", "",
                "--appendonly", "no", "--daemonize", "no",
            ]
        case .center:
            log = self.folder.path + "/center/log"
            process.executableURL = Self.sibling("tranche-config-center")
            process.arguments = ["--config", try self.write("center/center.yaml", [
                "center": ["port": self.layout.centerPort], "data": ["folder": self.folder.path + "/center"],
            ])]
        case .coordinator:
            log = self.folder.path + "/coordinator.log"
            process.executableURL = Self.sibling("tranche-coordinator")
            process.arguments = ["--config", try self.write("coordinator.yaml", [
                "coordinator": ["port": self.layout.coordinatorPort], "center": ["url": self.layout.centerURL],
            ])]
        case .unit(let name):
            let unit = self.layout.units.first { $0.name == name }!
            log = self.folder.unit(name) + "/log"
            process.executableURL = Self.sibling("tranche-unit")
            process.arguments = ["--config", try self.write("units/\(name)/unit.yaml", [
                "unit": ["id": Int(unit.id.rawValue), "name": name, "region": name],
                "public": ["port": unit.publicPort], "internal": ["port": unit.internalPort],
                "redis": ["address": self.folder.socket(name)], "center": ["url": self.layout.centerURL],
                "data": ["folder": self.folder.unit(name)],
            ])]
        }
        process.environment = ProcessInfo.processInfo.environment.merging(self.layout.secrets) { $1 }
        process.standardInput = FileHandle.nullDevice
        let output = try Self.openLog(log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.close()
        self.processes.withLockedValue { $0[part] = process }
    }

    /// Writes a two-level YAML file.
    private func write(_ name: String, _ values: [String: [String: any CustomStringConvertible]]) throws -> String {
        let path = "\(self.folder.path)/\(name)"
        let text = values.sorted { $0.key < $1.key }.map { section, entries in
            "\(section):\n" + entries.sorted { $0.key < $1.key }.map { key, value in
                value is Int ? "  \(key): \(value)\n" : "  \(key): \"\(value)\"\n"
            }.joined()
        }.joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private static func openLog(_ path: String) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: path) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        return handle
    }

    func isRunning(_ part: Part) -> Bool { self.processes.withLockedValue { $0[part]?.isRunning ?? false } }

    /// Ends a part at once, as a crash would.
    func kill(_ part: Part) {
        guard let process = self.processes.withLockedValue({ $0.removeValue(forKey: part) }), process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Stops a part, and waits for it.
    func stop(_ part: Part) async {
        guard let process = self.processes.withLockedValue({ $0.removeValue(forKey: part) }), process.isRunning else { return }
        process.terminate()
        for _ in 0..<150 where process.isRunning { try? await Task.sleep(for: .milliseconds(100)) }
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
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
        let addresses = [self.layout.centerURL, "http://127.0.0.1:\(self.layout.coordinatorPort)"] + self.layout.units.map(\.publicURL)
        let end = ContinuousClock.now + .seconds(seconds)
        for address in addresses {
            while await !client.isHealthy(address) {
                if let dead = self.parts.first(where: { !self.isRunning($0) }) {
                    throw CommandError("the \(dead) ended at its start; its log is below \(self.folder.path):\n\(self.lastWords(dead))")
                }
                guard ContinuousClock.now < end else { throw CommandError("\(address) does not answer; see the logs below \(self.folder.path)") }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func lastWords(_ part: Part) -> String {
        let path = switch part {
        case .center: self.folder.path + "/center/log"
        case .coordinator: self.folder.path + "/coordinator.log"
        case .unit(let name): self.folder.unit(name) + "/log"
        case .redis(let name): self.folder.unit(name) + "/redis.log"
        }
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(5).joined(separator: "\n")
    }

    /// The daemons lie beside this program.
    private static func sibling(_ name: String) -> URL {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appendingPathComponent(name)
    }

    private static func find(_ name: String) throws -> URL {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":") + ["/usr/bin"] where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
            return URL(fileURLWithPath: "\(folder)/\(name)")
        }
        throw CommandError("\(name) is not installed; on Debian and Ubuntu: apt-get install redis-server")
    }
}
