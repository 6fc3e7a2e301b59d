import DaemonSupport
import Foundation
import Sockets

/// Runs a program to its end and returns what it printed.
enum Program {
    static func output(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let folder = try PrivateFolder.make("tranche-program")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = folder + "/log"
        let process = try ChildProcess(
            name.hasPrefix("/") ? name : try LocalCluster.find(name), arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, log: log)
        let code = process.wait()
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        guard code == 0 else { throw CommandError("\(name) ended with \(code): \(text.suffix(400))") }
        return text
    }

    /// The first line that a program prints of its version.
    static func version(_ name: String, _ argument: String = "--version") -> String {
        let text = (try? self.output(name, [argument])) ?? "not found"
        return text.split(separator: "\n").first.map(String.init) ?? "not found"
    }
}

/// A hot row in PostgreSQL, through pgbench (peer B).
final class HotRow: @unchecked Sendable {  // One run at a time, and its end.
    private let folder: String
    private let port: Int
    private let programs: String
    private var server: ChildProcess?

    init() throws {
        self.port = try FreePorts.take()
        self.folder = try PrivateFolder.make("tranche-peer")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        guard let version = versions.compactMap({ Int($0) }).max() else {
            throw CommandError("PostgreSQL is not installed; on Debian and Ubuntu: apt-get install postgresql")
        }
        self.programs = "/usr/lib/postgresql/\(version)/bin"
    }

    var version: String { Program.version(self.programs + "/postgres") }

    /// PostgreSQL refuses to run as root.
    private func command(_ name: String, _ arguments: [String]) throws -> (path: String, arguments: [String]) {
        let path = "\(self.programs)/\(name)"
        guard getuid() == 0 else { return (path, arguments) }
        // The kernel forgets the death signal when a process changes its user: it is set again behind that.
        let options = ["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--pdeathsig", "TERM", "--"]
        return (try LocalCluster.find("setpriv"), options + [path] + arguments)
    }

    private func output(_ name: String, _ arguments: [String]) throws -> String {
        let (path, arguments) = try self.command(name, arguments)
        return try Program.output(path, arguments)
    }

    func start() async throws {
        if getuid() == 0 {
            try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: self.folder)
        }
        for script in ["hot-row.sql", "hot-row-schema.sql"] {
            try FileManager.default.copyItem(
                atPath: "\(NginxContender.scripts)/\(script)", toPath: "\(self.folder)/\(script)")
        }
        _ = try self.output("initdb", ["-D", self.folder + "/data", "-U", "bench", "-A", "trust"])
        let (path, arguments) = try self.command(
            "postgres",
            [
                "-D", self.folder + "/data", "-k", self.folder, "-p", String(self.port), "-h", "", "-c",
                "synchronous_commit=on", "-c", "shared_buffers=256MB", "-c", "max_connections=100", "-c",
                "max_wal_size=4GB",
            ])
        self.server = try ChildProcess(
            path, arguments, environment: ProcessInfo.processInfo.environment, log: self.folder + "/log",
            deathSignal: SIGTERM)  // It is passed on, and its children end, too.
        for attempt in 0..<100 {
            if (try? self.client("psql", ["-c", "SELECT 1"])) != nil { break }
            guard attempt < 99 else { throw CommandError("PostgreSQL does not answer; see \(self.folder)/log") }
            try await Task.sleep(for: .milliseconds(100))
        }
        _ = try self.client("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-f", self.folder + "/hot-row-schema.sql"])
    }

    private func client(_ name: String, _ arguments: [String]) throws -> String {
        try self.output(name, ["-h", self.folder, "-p", String(self.port), "-U", "bench"] + arguments + ["postgres"])
    }

    /// Orders a second with so many clients.
    func run(clients: Int, seconds: Int) throws -> Double {
        let text = try self.client(
            "pgbench",
            [
                "-n", "-M", "prepared", "-c", String(clients), "-j", "1", "-T", String(seconds), "-f",
                self.folder + "/hot-row.sql",
            ])
        let line = text.split(separator: "\n").first { $0.hasPrefix("tps = ") }
        guard let number = line?.split(separator: " ").dropFirst(2).first.flatMap({ Double($0) }) else {
            throw CommandError("pgbench printed no figure: \(text.suffix(400))")
        }
        return number
    }

    func stop() async {
        self.server?.send(SIGINT)  // A fast shutdown.
        for _ in 0..<200 where self.server?.isRunning == true { try? await Task.sleep(for: .milliseconds(25)) }
        self.server?.crash()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}

/// The script of peer A called by redis-benchmark (peer C): what a store can do that merges nothing.
enum RedisCeiling {
    /// Calls a second.
    static func run(clients: Int, calls: Int) async throws -> Double {
        let folder = try PrivateFolder.make("tranche-peer")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = folder + "/r.sock"
        let server = try ChildProcess(
            try LocalCluster.find("redis-server"),
            [
                "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes",
                "--appendfsync", "everysec",
            ], environment: ProcessInfo.processInfo.environment, log: folder + "/log")
        defer { server.crash() }
        for _ in 0..<100 {
            if (try? Program.output("redis-cli", ["-s", socket, "SET", "stock", "1000000000"])) != nil { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        let script = try String(contentsOfFile: NginxContender.scripts + "/single.lua", encoding: .utf8)
        let digest = try Program.output("redis-cli", ["-s", socket, "SCRIPT", "LOAD", script])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let text = try Program.output(
            "redis-benchmark",
            [
                "-s", socket, "-c", String(clients), "-n", String(calls), "-r", "1000000000", "--csv", "EVALSHA",
                digest,
                "4", "stock", "buyers", "count", "queue", "__rand_int__", "__rand_int__",
            ])
        guard let line = text.split(separator: "\n").last,
            let number = line.split(separator: ",").dropFirst().first.flatMap({
                Double($0.trimmingCharacters(in: CharacterSet(charactersIn: "\"")))
            })
        else { throw CommandError("redis-benchmark printed no figure: \(text.suffix(400))") }
        return number
    }
}
