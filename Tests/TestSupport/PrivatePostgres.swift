import DaemonSupport
import Foundation
import PostgresClient

/// A PostgreSQL server of one test, on a socket in a temporary folder. It syncs every commit, as in earnest.
///
/// PostgreSQL refuses to run as root: root's tests run it as the user `postgres`.
package final class PrivatePostgres: @unchecked Sendable {  // `process` is used by one test at a time.
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    private static let user = "tranche"
    private static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        return versions.sorted().last { FileManager.default.isExecutableFile(atPath: "\(root)/\($0)/bin/initdb") }
            .map { "\(root)/\($0)/bin" }
    }()
    private static let lock = NSLock()
    private nonisolated(unsafe) static var common: PrivatePostgres?  // Guarded by `lock`.
    private nonisolated(unsafe) static var databases = 0  // Guarded by `lock`.

    package let folder: String
    private var data: String { self.folder + "/data" }
    private var process: ChildProcess?

    /// The connection string of a new, empty database of a server that all tests of this process share.
    package static func newDatabase() throws -> String {
        try self.lock.withLock {
            let server = try self.common ?? PrivatePostgres()
            self.common = server
            self.databases += 1
            return try server.newDatabase("d\(self.databases)")
        }
    }

    /// Makes and starts a server.
    ///
    /// - Parameter settings: Lines for `postgresql.conf`.
    package init(_ settings: [String] = []) throws {
        self.folder = try Self.makeFolder()
        try Self.runTool(
            "initdb", ["-D", self.data, "-U", Self.user, "-A", "trust", "--locale=C", "-E", "UTF8"], self.folder)
        try self.configure(settings)
        try self.start()
    }

    /// Makes and starts a standby of another server, which streams what that one writes.
    package init(standbyOf primary: PrivatePostgres, name: String) throws {
        self.folder = try Self.makeFolder()
        let source = "host=\(primary.folder) port=5432 user=\(Self.user) application_name=\(name)"
        try Self.runTool(
            "pg_basebackup", ["-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", source], self.folder)
        try self.configure([])
        try self.start()
    }

    deinit { self.crash() }

    package var target: String { self.target(database: "postgres") }

    package func target(database: String) -> String {
        "host=\(self.folder) port=5432 user=\(Self.user) dbname=\(database)"
    }

    /// - Returns: The connection string of the new database.
    package func newDatabase(_ name: String) throws -> String {
        try self.run("CREATE DATABASE \(name)")
        return self.target(database: name)
    }

    /// Runs one statement, which waits for no standby.
    package func run(_ sql: String, database: String = "postgres") throws {
        let target = try PostgresTarget(self.target(database: database) + " options='-c synchronous_commit=local'")
        var limits = PostgresConnection.Limits()
        limits.answerMilliseconds = 60_000  // Making a database takes a while on a busy disk.
        try PostgresConnection(target, application: "test", limits: limits).run(script: sql)
    }

    /// Changes a setting of the running server. New connections have it; old ones soon.
    package func set(_ setting: String, _ value: String) throws {
        try self.run("ALTER SYSTEM SET \(setting) = '\(value)'")
        try self.run("SELECT pg_reload_conf()")
        for _ in 0..<500 {
            if try self.value(of: setting) == value { return }
            usleep(10_000)
        }
        throw Missing(description: "\(setting) does not become \(value)")
    }

    package func value(of setting: String) throws -> String? {
        let connection = try PostgresConnection(try PostgresTarget(self.target), application: "test")
        return try connection.run(PostgresStatement("SELECT current_setting('\(setting)')")).text(0, 0)
    }

    /// The first value that a statement returns, by `psql`: it also asks a standby.
    package func scalar(_ sql: String) throws -> String {
        let log = self.folder + "/scalar"
        try? FileManager.default.removeItem(atPath: log)
        let arguments = [
            "-X", "-A", "-t", "-h", self.folder, "-p", "5432", "-U", Self.user, "-d", "postgres", "-c", sql,
        ]
        guard let binaries = Self.binaries else { throw Missing(description: "there is no psql") }
        let tool = try ChildProcess("\(binaries)/psql", arguments, environment: ["LC_ALL": "C"], log: log)
        _ = tool.wait()
        let text = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Stops the server at once, as a crash does: it recovers at the next start.
    package func crash() {
        self.process?.send(SIGQUIT)
        _ = self.process?.wait()
        self.process = nil
    }

    package func start() throws {
        let (path, arguments) = try Self.command("postgres", ["-D", self.data], deathSignal: "QUIT")
        let process = try ChildProcess(
            path, arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], log: self.folder + "/log",
            deathSignal: SIGQUIT)
        self.process = process
        // The last line of this file is the state of the server.
        for _ in 0..<3_000 where process.isRunning {
            let lines =
                FileManager.default.contents(atPath: self.data + "/postmaster.pid")
                .map { String(decoding: $0, as: UTF8.self).split(separator: "\n") } ?? []
            if lines.first == "\(process.pid)", let state = lines.last,
                state.hasPrefix("ready") || state.hasPrefix("standby")
            {
                return
            }
            usleep(10_000)
        }
        throw Missing(description: "the server does not start: see \(self.folder)/log")
    }

    /// Makes a standby the primary.
    package func promote() throws { try Self.runTool("pg_ctl", ["promote", "-w", "-D", self.data], self.folder) }

    private func configure(_ settings: [String]) throws {
        let lines =
            [
                "listen_addresses = ''", "port = 5432", "unix_socket_directories = '\(self.folder)'",
                "shared_buffers = 32MB", "max_connections = 100", "max_wal_size = 256MB",
            ] + settings
        let path = self.data + "/postgresql.conf"
        guard let file = FileHandle(forWritingAtPath: path) else { throw Missing(description: "no \(path)") }
        try file.seekToEnd()
        try file.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        try file.close()
    }

    private static func makeFolder() throws -> String {
        let folder = try TemporaryFolder.make()
        guard geteuid() == 0 else { return folder }
        guard let user = getpwnam("postgres") else { throw Missing(description: "there is no user postgres") }
        guard chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
            throw Missing(description: "\(folder) cannot be given to the user postgres")
        }
        return folder
    }

    private static func runTool(_ name: String, _ arguments: [String], _ folder: String) throws {
        let (path, arguments) = try self.command(name, arguments, deathSignal: "KILL")
        let tool = try ChildProcess(
            path, arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], log: folder + "/tools.log")
        guard tool.wait() == 0 else {
            let log = FileManager.default.contents(atPath: folder + "/tools.log") ?? Data()
            throw Missing(description: "\(name) failed: \(String(decoding: log.suffix(500), as: UTF8.self))")
        }
    }

    /// A change of the user clears the death signal, so it is set again behind the change.
    private static func command(_ name: String, _ arguments: [String], deathSignal: String) throws -> (String, [String])
    {
        guard let binaries else {
            throw Missing(description: "there is no PostgreSQL below /usr/lib/postgresql: run ops/prepare")
        }
        guard geteuid() == 0 else { return ("\(binaries)/\(name)", arguments) }
        let change = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", deathSignal]
        return ("/usr/bin/setpriv", change + ["\(binaries)/\(name)"] + arguments)
    }
}
