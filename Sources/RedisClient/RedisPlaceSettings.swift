import TrancheCore

/// Why the settings of a Redis are of no use. The text names the setting, its value and what it may be.
package struct RedisSettingError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The settings that say where a Redis is, as they stand in the configuration; empty ones are missing.
///
/// | key | meaning |
/// |---|---|
/// | `redis.address` | one Redis: `/path/to.sock` or `host:port` |
/// | `redis.sentinels`, `redis.master` | the Sentinels, `host:port` with commas, and the name that they have for the master |
/// | `redis.cluster` | some nodes of a Redis Cluster, `host:port` with commas |
package struct RedisPlaceSettings: Sendable {
    package var address: String
    package var sentinels: String
    package var master: String
    package var cluster: String

    package init(address: String = "", sentinels: String = "", master: String = "", cluster: String = "") {
        (self.address, self.sentinels, self.master, self.cluster) = (address, sentinels, master, cluster)
    }

    /// - Parameter mayLeaveMachine: Whether something encrypts connections to other machines: this libhiredis has no TLS.
    package func place(mayLeaveMachine: Bool) throws(RedisSettingError) -> RedisServer.Place {
        let given = [
            ("redis.address", self.address), ("redis.sentinels", self.sentinels), ("redis.cluster", self.cluster),
        ].filter { !$0.1.isEmpty }.map(\.0)
        guard given.count <= 1 else {
            throw RedisSettingError("\(given.joined(separator: " and ")) are set: a unit or gate has one Redis")
        }
        guard self.master.isEmpty || !self.sentinels.isEmpty else {
            throw RedisSettingError("redis.master is \"\(self.master)\", but redis.sentinels is missing")
        }
        switch given.first {
        case "redis.sentinels":
            guard !self.master.isEmpty else {
                throw RedisSettingError("redis.master is missing: the name that the Sentinels have for the master")
            }
            guard self.master.utf8.count <= Limits.hostBytes else {
                throw RedisSettingError(
                    "redis.master has \(self.master.utf8.count) bytes, at most \(Limits.hostBytes)")
            }
            let sentinels = try self.endpoints("redis.sentinels", self.sentinels, mayLeaveMachine)
            return .search(.sentinels(sentinels, master: self.master), mayLeaveMachine: mayLeaveMachine)
        case "redis.cluster":
            let nodes = try self.endpoints("redis.cluster", self.cluster, mayLeaveMachine)
            return .search(.cluster(nodes), mayLeaveMachine: mayLeaveMachine)
        default:
            return .address(try self.oneAddress(mayLeaveMachine))
        }
    }

    private func oneAddress(_ mayLeaveMachine: Bool) throws(RedisSettingError) -> RedisConnection.Address {
        guard !self.address.isEmpty else {
            throw RedisSettingError(
                "redis.address is missing: set it, or redis.sentinels with redis.master, or redis.cluster")
        }
        guard let address = RedisConnection.Address(self.address) else {
            throw RedisSettingError(
                "redis.address is \"\(self.address)\", but must be an absolute path of a socket, or host:port")
        }
        if address.port != nil { try self.check("redis.address", address.host, self.address, mayLeaveMachine) }
        return address
    }

    private func endpoints(
        _ key: String, _ text: String, _ mayLeaveMachine: Bool
    ) throws(RedisSettingError) -> [RedisEndpoint] {
        var endpoints: [RedisEndpoint] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = String(part.filter { !$0.isWhitespace })
            guard let endpoint = RedisEndpoint(part) else {
                throw RedisSettingError("\(key) has \"\(part)\", but must be a list of host:port with commas")
            }
            try self.check(key, endpoint.host, part, mayLeaveMachine)
            endpoints.append(endpoint)
        }
        guard endpoints.count <= Limits.redisSources else {
            throw RedisSettingError("\(key) has \(endpoints.count) addresses, at most \(Limits.redisSources)")
        }
        return endpoints
    }

    private func check(
        _ key: String, _ host: String, _ text: String, _ mayLeaveMachine: Bool
    ) throws(RedisSettingError) {
        guard mayLeaveMachine || RedisEndpoint(host: host, port: 1).isLoopback else {
            throw RedisSettingError(
                "\(key) is \"\(text)\", which leaves this machine in the clear: use a Redis of this machine, or set "
                    + "tls.elsewhere: true if a VPN or a mesh encrypts it")
        }
    }
}
