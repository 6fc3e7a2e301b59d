import Clusters
import Foundation

/// A PostgreSQL server of one test, on a socket in a temporary folder.
package final class PrivatePostgres: Sendable {
    private static let lock = NSLock()
    private nonisolated(unsafe) static var common: PrivatePostgres?  // Guarded by `lock`.
    private nonisolated(unsafe) static var databases = 0  // Guarded by `lock`.

    private let server: PostgresServer

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
        self.server = try PostgresServer(folder: TemporaryFolder.make(), settings: settings)
    }

    /// Makes and starts a standby of another server, which streams what that one writes.
    package init(standbyOf primary: PrivatePostgres, name: String) throws {
        self.server = try PostgresServer(
            folder: TemporaryFolder.make(), standbyOf: [primary.server.folder], name: name)
    }

    package var folder: String { self.server.folder }

    package var target: String { self.server.target }

    package func target(database: String) -> String { self.server.target(database: database) }

    /// - Returns: The connection string of the new database.
    package func newDatabase(_ name: String) throws -> String { try self.server.newDatabase(name) }

    /// Runs one statement, which waits for no standby.
    package func run(_ sql: String, database: String = "postgres") throws {
        try self.server.run(sql, database: database)
    }

    /// Changes a setting of the running server. New connections have it; old ones soon.
    package func set(_ setting: String, _ value: String) throws { try self.server.set(setting, value) }

    package func value(of setting: String) throws -> String? { try self.server.value(of: setting) }

    /// The first value that a statement returns, by `psql`: it also asks a standby.
    package func scalar(_ sql: String) throws -> String { try self.server.scalar(sql) }

    /// Stops the server at once, as a crash does: it recovers at the next start.
    package func crash() { self.server.crash() }

    package func start() throws { try self.server.start() }

    /// Makes a standby the primary.
    package func promote() throws { try self.server.promote() }
}
