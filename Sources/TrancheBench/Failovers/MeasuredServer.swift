import Clusters
import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Sockets
import Terminal

/// A private PostgreSQL server on a port of this machine, so that a link can be put before it. It syncs every commit.
///
/// PostgreSQL refuses to run as root: root's servers run as the user `postgres`. Its calls block.
final class MeasuredServer: Sendable {
    static let user = "tranche"
    private static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        return versions.sorted().last { FileManager.default.isExecutableFile(atPath: "\(root)/\($0)/bin/initdb") }
            .map { "\(root)/\($0)/bin" }
    }()

    /// As `synchronous_standby_names` has it.
    let name: String
    let port: Int
    private let folder: String
    private let settings: [String]
    private let process = NIOLockedValueBox<ChildProcess?>(nil)
    var data: String { self.folder + "/data" }

    /// - Parameters:
    ///   - folder: It is made; the caller removes it when the server has ended.
    ///   - settings: As on PostgreSQL's command line, `name=value`.
    init(_ name: String, folder: String, port: Int, settings: [String]) throws {
        (self.name, self.folder, self.port, self.settings) = (name, folder, port, settings)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard geteuid() == 0 else { return }
        guard let user = getpwnam("postgres"), chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
            throw CommandError("\(folder) cannot be given to the user postgres, as whom PostgreSQL runs for root")
        }
    }

    /// The connection string of a database, which may be in any of the servers.
    static func target(_ servers: [MeasuredServer], database: String) -> String {
        let hosts = servers.map { _ in "127.0.0.1" }.joined(separator: ",")
        let ports = servers.map { "\($0.port)" }.joined(separator: ",")
        return "host=\(hosts) port=\(ports) user=\(self.user) dbname=\(database)"
    }

    /// Makes an empty server, with small segments of the log: a copy has some megabytes.
    func make() throws {
        let arguments = ["-D", self.data, "-U", Self.user, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"]
        try self.runTool("initdb", arguments + ["--wal-segsize=4"])
    }

    func start() throws {
        let fixed = [
            "port=\(self.port)", "listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=32MB",
            "max_connections=50", "wal_retrieve_retry_interval=100ms",
            // A start behind a crash syncs all files: one by one this takes seconds.
            "recovery_init_sync_method=syncfs",
        ]
        let options = (fixed + self.settings).flatMap { ["-c", $0] }
        let (path, arguments) = try Self.command("postgres", ["-D", self.data] + options, deathSignal: "QUIT")
        let process = try ChildProcess(
            path, arguments, environment: Self.environment, log: self.folder + "/log", deathSignal: SIGQUIT)
        self.process.withLockedValue { $0 = process }
        // The last line of this file is the state of the server.
        for _ in 0..<3_000 where process.isRunning {
            let lines =
                FileManager.default.contents(atPath: self.data + "/postmaster.pid")
                .map { String(decoding: $0, as: UTF8.self).split(separator: "\n") } ?? []
            let isOwn = lines.first == "\(process.pid)"
            if isOwn, let state = lines.last, state.hasPrefix("ready") || state.hasPrefix("standby") { return }
            usleep(5_000)
        }
        throw CommandError("the server \(self.name) does not start: \(self.lastWords("log"))")
    }

    /// Kills the server and its children with SIGKILL, as the loss of its machine does.
    func kill() {
        let process = self.process.withLockedValue { process in
            defer { process = nil }
            return process
        }
        guard let process else { return }
        let list = (try? String(contentsOfFile: "/proc/\(process.pid)/task/\(process.pid)/children", encoding: .utf8))
        process.crash()
        for child in (list ?? "").split(separator: " ") {
            if let pid = Int32(child), pid > 1 { _ = Glibc.kill(pid, SIGKILL) }
        }
    }

    /// The first value that a statement returns, by `psql`: it also asks a standby. It waits for no standby.
    func ask(_ sql: String) throws -> String {
        let target = "host=127.0.0.1 port=\(self.port) user=\(Self.user) dbname=postgres"
        return try Program.output(
            Self.path("psql"), ["-X", "-A", "-t", "-c", sql, target],
            environment: ["PGOPTIONS": "-c synchronous_commit=local"]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C"]

    private func lastWords(_ file: String) -> String {
        let log = FileManager.default.contents(atPath: "\(self.folder)/\(file)") ?? Data()
        return String(decoding: log.suffix(500), as: UTF8.self)
    }

    func runTool(_ name: String, _ arguments: [String]) throws {
        let (path, arguments) = try Self.command(name, arguments, deathSignal: "KILL")
        let log = self.folder + "/tools.log"
        let tool = try ChildProcess(path, arguments, environment: Self.environment, log: log)
        guard tool.wait() == 0 else { throw CommandError("\(name) failed: \(self.lastWords("tools.log"))") }
    }

    private static func path(_ name: String) throws -> String {
        guard let binaries else {
            throw CommandError("there is no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
        }
        return "\(binaries)/\(name)"
    }

    /// A change of the user clears the death signal, so it is set again behind the change.
    private static func command(_ name: String, _ arguments: [String], deathSignal: String) throws -> (String, [String])
    {
        let path = try self.path(name)
        guard geteuid() == 0 else { return (path, arguments) }
        let change = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", deathSignal]
        return ("/usr/bin/setpriv", change + [path] + arguments)
    }
}
