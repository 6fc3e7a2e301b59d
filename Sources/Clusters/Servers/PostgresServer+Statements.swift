import DaemonSupport
import Foundation
import PostgresClient
import Terminal

extension PostgresServer {
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
        throw CommandError("\(setting) does not become \(value)")
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
            "-X", "-A", "-t", "-h", self.folder, "-p", "\(Self.port)", "-U", Self.user, "-d", "postgres", "-c", sql,
        ]
        let tool = try ChildProcess(
            PostgresPrograms.path("psql"), arguments, environment: ["LC_ALL": "C"], log: log)
        _ = tool.wait()
        let text = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
