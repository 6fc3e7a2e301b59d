import NIOConcurrencyHelpers
package import PostgresClient

/// One connection that is made anew when it broke, for one thread at a time.
///
/// Calls block, for at most the limits of the connection.
final class PostgresSession: @unchecked Sendable {  // The connection is behind the lock.
    private struct State {
        var connection: PostgresConnection?
        var isPrepared = false
    }
    private let settings: AuthoritySettings
    private let application: String
    private let limits: PostgresConnection.Limits
    private let state = NIOLockedValueBox(State())

    init(_ settings: AuthoritySettings, application: String, limits: PostgresConnection.Limits) {
        (self.settings, self.application, self.limits) = (settings, application, limits)
    }

    var path: String { "\(self.settings.target)" }

    func run<Value>(_ body: (PostgresConnection) throws(PostgresError) -> Value) throws(StorageError) -> Value {
        let result: Result<Value, StorageError> = self.state.withLockedValue { state in
            do throws(PostgresError) {
                if let connection = state.connection, !connection.isClosed { return .success(try body(connection)) }
                let connection = try self.connect(&state)
                state.connection = connection
                return .success(try body(connection))
            } catch { return .failure(StorageError(error, path: self.path)) }
        }
        return try result.get()
    }

    private func connect(_ state: inout State) throws(PostgresError) -> PostgresConnection {
        state.connection = nil
        let connection = try PostgresConnection(
            self.settings.target, application: self.application, limits: self.limits)
        try connection.checkDurability(
            allowsUnreplicated: self.settings.allowsUnreplicated, permission: self.settings.permission)
        if !state.isPrepared { try AuthoritySchema.create(connection) }
        state.isPrepared = true
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
