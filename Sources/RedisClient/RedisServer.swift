package import TrancheCore

/// Where a Redis is, and how to log in.
package struct RedisServer: Sendable {
    package enum Place: Hashable, Sendable {
        case address(RedisConnection.Address)
        /// Behind Sentinels, or in a cluster.
        case search(RedisSearch.Sources, mayLeaveMachine: Bool)
    }
    package let place: Place
    private let logins: @Sendable () -> (node: RedisConnection.Login?, sentinel: RedisConnection.Login?)

    /// The login as it is now: a password may be replaced, and the next connection needs the new one.
    package var login: RedisConnection.Login? { self.logins().node }
    package var sentinelLogin: RedisConnection.Login? { self.logins().sentinel }

    package init(
        _ place: Place, login: RedisConnection.Login? = nil, sentinelLogin: RedisConnection.Login? = nil
    ) {
        self.place = place
        self.logins = { (login, sentinelLogin) }
    }

    package init(_ address: RedisConnection.Address, login: RedisConnection.Login? = nil) {
        self.init(.address(address), login: login)
    }

    /// Reads the settings of ``RedisPlaceSettings``, and logins: `redis.user` with the secret `tranche.redis.password`, and
    /// for the Sentinels `redis.sentinel.user` with `tranche.sentinel.password`. Without a password there is no login.
    ///
    /// - Parameters:
    ///   - text: The value of a setting; empty if it is missing.
    ///   - secret: The value of a secret, if it is set. It is asked again for each connection.
    package init(
        text: (String) -> String, secret: @escaping @Sendable (String) -> String?, mayLeaveMachine: Bool
    ) throws(RedisSettingError) {
        let settings = RedisPlaceSettings(
            address: text("redis.address"), sentinels: text("redis.sentinels"), master: text("redis.master"),
            cluster: text("redis.cluster"))
        let (user, sentinelUser) = (text("redis.user"), text("redis.sentinel.user"))
        self.place = try settings.place(mayLeaveMachine: mayLeaveMachine)
        self.logins = {
            (
                secret("tranche.redis.password").map { RedisConnection.Login(user: user, password: $0) },
                secret("tranche.sentinel.password").map { RedisConnection.Login(user: sentinelUser, password: $0) }
            )
        }
    }
}
