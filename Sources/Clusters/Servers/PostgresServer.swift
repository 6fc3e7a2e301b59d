import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Terminal

/// A private PostgreSQL server, on a socket in a folder of its own. It syncs every commit, as in earnest.
///
/// Its calls block.
package final class PostgresServer: Sendable {
    package static let user = "tranche"
    static let port = 5432

    package let folder: String
    private var data: String { self.folder + "/data" }
    private let process = NIOLockedValueBox<ChildProcess?>(nil)

    /// Makes and starts a server.
    ///
    /// - Parameters:
    ///   - folder: A path that is short enough for a socket. The caller removes it.
    ///   - settings: Lines for `postgresql.conf`.
    package init(folder: String, settings: [String] = []) throws {
        self.folder = folder
        try self.makeFolder()
        // Nothing is in it yet that a power failure could take.
        let arguments = ["-D", self.data, "-U", Self.user, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"]
        try PostgresPrograms.run("initdb", arguments, folder)
        try self.configure(settings)
        try self.start()
    }

    /// Makes and starts a standby, which streams what a primary writes.
    ///
    /// - Parameters:
    ///   - folders: The folders of the servers of which one is the primary. If that changes, the standby finds the new
    ///     one.
    ///   - name: As `synchronous_standby_names` has it.
    package init(folder: String, standbyOf folders: [String], name: String, settings: [String] = []) throws {
        self.folder = folder
        try self.makeFolder()
        let source = Self.target(folders) + " application_name=\(name) target_session_attrs=primary"
        try PostgresPrograms.run(
            "pg_basebackup",
            ["-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", source], folder)
        try self.configure(settings)
        try self.start()
    }

    deinit { self.crash() }

    package var target: String { self.target(database: "postgres") }

    package func target(database: String) -> String { Self.target([self.folder]) + " dbname=\(database)" }

    /// The beginning of a connection string.
    static func target(_ folders: [String]) -> String {
        "host=\(folders.joined(separator: ",")) port=\(Self.port) user=\(Self.user)"
    }

    /// Stops the server at once, as a crash does: it recovers at the next start.
    package func crash() {
        let process = self.process.withLockedValue { process in
            defer { process = nil }
            return process
        }
        process?.send(SIGQUIT)
        _ = process?.wait()
    }

    /// Loses the server and its disk, as with its machine.
    package func destroy() throws {
        // The server lives meanwhile, and can make a file in a folder that was just emptied.
        try? FileManager.default.removeItem(atPath: self.data)
        self.crash()
        if FileManager.default.fileExists(atPath: self.data) { try FileManager.default.removeItem(atPath: self.data) }
    }

    package func start() throws {
        let (path, arguments) = try PostgresPrograms.command("postgres", ["-D", self.data], deathSignal: "QUIT")
        let process = try ChildProcess(
            path, arguments, environment: PostgresPrograms.environment, log: self.folder + "/log",
            deathSignal: SIGQUIT)
        self.process.withLockedValue { $0 = process }
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
        throw CommandError("the server does not start: see \(self.folder)/log")
    }

    /// Makes a standby the primary, and returns when it is.
    package func promote() throws {
        try PostgresPrograms.run("pg_ctl", ["promote", "-w", "-D", self.data], self.folder)
    }

    private func makeFolder() throws {
        let socket = "\(self.folder)/.s.PGSQL.\(Self.port)"
        guard socket.utf8.count < 108 else {
            throw CommandError("\(socket) is too long for a socket: choose a folder with a shorter path")
        }
        try PostgresPrograms.makeFolder(self.folder)
    }

    private func configure(_ settings: [String]) throws {
        let lines =
            [
                "listen_addresses = ''", "port = \(Self.port)", "unix_socket_directories = '\(self.folder)'",
                "shared_buffers = 32MB", "max_connections = 100", "max_wal_size = 256MB",
            ] + settings
        let path = self.data + "/postgresql.conf"
        guard let file = FileHandle(forWritingAtPath: path) else { throw CommandError("\(path) cannot be written") }
        try file.seekToEnd()
        try file.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        try file.close()
    }
}
