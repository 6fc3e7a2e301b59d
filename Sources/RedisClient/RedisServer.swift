package import TrancheCore

/// Where a Redis is, and how to log in.
package struct RedisServer: Sendable {
    package enum Place: Hashable, Sendable {
        case address(RedisConnection.Address)
        /// Behind Sentinels, or in a cluster.
        case search(RedisSearch.Sources, mayLeaveMachine: Bool)
    }
    package let place: Place
    package let login: RedisConnection.Login?
    package let sentinelLogin: RedisConnection.Login?

    package init(
        _ place: Place, login: RedisConnection.Login? = nil, sentinelLogin: RedisConnection.Login? = nil
    ) {
        (self.place, self.login, self.sentinelLogin) = (place, login, sentinelLogin)
    }

    package init(_ address: RedisConnection.Address, login: RedisConnection.Login? = nil) {
        self.init(.address(address), login: login)
    }

    /// Reads the settings of ``RedisPlaceSettings``, and logins: `redis.user` with the secret `tranche.redis.password`, and
    /// for the Sentinels `redis.sentinel.user` with `tranche.sentinel.password`. Without a password there is no login.
    ///
    /// - Parameters:
    ///   - text: The value of a setting; empty if it is missing.
    ///   - secret: The value of a secret, if it is set.
    package init(
        text: (String) -> String, secret: (String) -> String?, mayLeaveMachine: Bool
    ) throws(RedisSettingError) {
        let settings = RedisPlaceSettings(
            address: text("redis.address"), sentinels: text("redis.sentinels"), master: text("redis.master"),
            cluster: text("redis.cluster"))
        func login(_ user: String, _ password: String) -> RedisConnection.Login? {
            secret(password).map { RedisConnection.Login(user: text(user), password: $0) }
        }
        self.init(
            try settings.place(mayLeaveMachine: mayLeaveMachine), login: login("redis.user", "tranche.redis.password"),
            sentinelLogin: login("redis.sentinel.user", "tranche.sentinel.password"))
    }
}
