import NIOConcurrencyHelpers
package import PostgresClient

/// One connection that is made anew when it broke, for one thread at a time.
///
/// Calls block, for at most the limits of the connection.
final class PostgresSession: @unchecked Sendable {  // The connection is behind the lock.
    private let settings: AuthoritySettings
    private let application: String
    private let limits: PostgresConnection.Limits
    private let lock = NIOLock()
    private var connection: PostgresConnection?
    private var isPrepared = false

    init(_ settings: AuthoritySettings, application: String, limits: PostgresConnection.Limits) {
        (self.settings, self.application, self.limits) = (settings, application, limits)
    }

    var path: String { "\(self.settings.target)" }

    func run<Value>(_ body: (PostgresConnection) throws(PostgresError) -> Value) throws(StorageError) -> Value {
        self.lock.lock()
        defer { self.lock.unlock() }
        do throws(PostgresError) {
            if let connection, !connection.isClosed { return try body(connection) }
            let connection = try self.connect()
            self.connection = connection
            return try body(connection)
        } catch { throw StorageError(error, path: self.path) }
    }

    private func connect() throws(PostgresError) -> PostgresConnection {
        self.connection = nil
        let connection = try PostgresConnection(
            self.settings.target, application: self.application, limits: self.limits)
        try connection.checkDurability(
            allowsUnreplicated: self.settings.allowsUnreplicated, permission: self.settings.permission)
        if !self.isPrepared { try AuthoritySchema.create(connection) }
        self.isPrepared = true
        return connection
    }
}

/// Where centers keep their state together.
package struct AuthoritySettings: Sendable {
    package let target: PostgresTarget
    /// For trials on one machine: commits wait for no standby.
    package let allowsUnreplicated: Bool
    /// The name of the setting that allows it, for messages.
    package let permission: String

    package init(target: PostgresTarget, allowsUnreplicated: Bool, permission: String) {
        (self.target, self.allowsUnreplicated, self.permission) = (target, allowsUnreplicated, permission)
    }
}
