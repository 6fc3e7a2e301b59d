import Clusters
import DaemonSupport
import Foundation
import Sockets
import Terminal

/// A hot row in PostgreSQL, measured with pgbench (peer B).
final class HotRow: @unchecked Sendable {  // Used by one run at a time.
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
        // The kernel clears the death signal when a process changes its user, so it is set again after the change.
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
            deathSignal: SIGTERM)  // PostgreSQL ends its children, too.
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

    /// Orders per second with `clients` clients.
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
        self.server?.send(SIGINT)  // PostgreSQL's fast shutdown.
        for _ in 0..<200 where self.server?.isRunning == true { try? await Task.sleep(for: .milliseconds(25)) }
        self.server?.crash()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}
