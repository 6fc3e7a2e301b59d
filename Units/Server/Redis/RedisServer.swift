import NIOConcurrencyHelpers
package import RedisClient

/// A unit's Redis, for the two threads that use it: its address, and the process in which the lots were primed.
package final class RedisServer: Sendable {
    package let address: RedisConnection.Address
    private let login: RedisConnection.Login?
    private struct State {
        var primed: String?
        /// Lots must be primed over a new connection: the old one leads to another process.
        var wantsNewConnection = false
    }
    private let state = NIOLockedValueBox(State())

    package init(_ address: RedisConnection.Address, login: RedisConnection.Login? = nil) {
        (self.address, self.login) = (address, login)
    }

    func connect(timeoutMilliseconds: Int) throws(RedisError) -> RedisConnection {
        try RedisConnection(self.address, login: self.login, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Lots were primed in this process of Redis.
    func primed(_ runID: String) { self.state.withLockedValue { $0.primed = runID } }

    /// Whether lots were primed in this process of Redis. If it was another one, they are primed again over a new connection.
    func isPrimed(_ runID: String) -> Bool {
        self.state.withLockedValue { state in
            guard let primed = state.primed, primed != runID else { return true }
            state.wantsNewConnection = true
            return false
        }
    }

    func takeWish() -> Bool {
        self.state.withLockedValue { state in
            defer { state.wantsNewConnection = false }
            return state.wantsNewConnection
        }
    }
}
