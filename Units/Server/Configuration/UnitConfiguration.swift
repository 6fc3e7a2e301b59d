package import DaemonSupport
import Foundation
package import RedisClient
package import TrancheCore

/// The settings of one unit's process; the config center has the rest.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `unit.id` | number of the unit, 1...65535 | required |
/// | `unit.name` | its name in quota plans | required |
/// | `unit.region` | its region | required |
/// | `public.host`, `public.port` | where buyers connect | 127.0.0.1, required |
/// | `public.url` | the address that buyers are told | from host and port |
/// | `internal.host`, `internal.port` | where the center and operators connect | 127.0.0.1, required |
/// | `internal.url` | the address that the center is told | from host and port |
/// | `public.connections` | open connections at most | 10000 |
/// | `public.address.connections` | of them, from one IPv4 address or one /64 of IPv6; raise it behind a proxy | a fifth |
/// | `public.lanes` | threads that serve buyers | half of the processors |
/// | `redis.address` | `/path/to.sock` or `host:port` | required |
/// | `redis.user` | the user for the login at Redis, with the password in `TRANCHE_REDIS_PASSWORD` | none |
/// | `center.url` | the config center | required |
/// | `data.folder` | ledger and configuration | required |
/// | `clock.floor` | least uncertainty of a stamp, in microseconds | 500 |
/// | `clock.drift` | its growth since the kernel last spoke, in microseconds per second | 200 |
/// | `clock.unsynchronised` | uncertainty where the kernel calls itself unsynchronised, in microseconds | 1000 |
/// | `clock.offset` | added to the clock, in microseconds, to rehearse a clock that is wrong | 0 |
/// | `clock.stepfile` | a file with such an offset, read again ten times a second: to rehearse a clock that steps | none |
/// | `links.routes` | `ADDRESS=OTHER,…`: where to call a coordinator instead of its own address | none |
///
/// Secrets come from the environment only, each a list with the newest first. The unit shows `TRANCHE_UNIT_SECRET` to the
/// center and `TRANCHE_CONTEST_SECRET` to coordinators; it takes `TRANCHE_CENTER_SECRET` from the center,
/// `TRANCHE_SHOP_SECRET` from the shop, `TRANCHE_TOKEN_SECRET` in tokens and `TRANCHE_PAYMENT_SECRET` from the payment provider.
/// How internal connections are kept secret: ``TransportConfiguration``.
package struct UnitConfiguration: Sendable {
    package let unit: UnitID
    package let name: String
    package let region: String
    package let publicHost: String
    package let publicPort: Int
    package let publicURL: String
    package let internalHost: String
    package let internalPort: Int
    package let internalURL: String
    package let connectionLimit: Int
    package let connectionLimitPerAddress: Int
    package let lanes: Int
    package let redis: RedisConnection.Address
    package let centerURL: String
    package let folder: String
    package let clock: ClockCheck.Settings
    package let clockOffsetMicroseconds: Int64
    package let clockStepFile: String
    package let routes: [String: String]
    package let transport: TransportConfiguration
    package let redisLogin: RedisConnection.Login?
    package let unitSecret: String
    package let contestSecret: String
    package let centerSecrets: [String]
    package let shopSecrets: [String]
    package let tokenSecrets: [String]
    package let paymentSecrets: [String]

    package init(_ values: DaemonConfiguration) throws(StartError) {
        self.unit = UnitID(UInt16(try values.number("unit.id", in: 1...65_535)))
        self.name = try values.string("unit.name")
        self.region = try values.string("unit.region")
        self.publicHost = values.string("public.host", default: "127.0.0.1")
        self.publicPort = try values.number("public.port", in: 1...65_535)
        self.publicURL = values.string("public.url", default: "http://\(self.publicHost):\(self.publicPort)")
        self.internalHost = values.string("internal.host", default: "127.0.0.1")
        self.internalPort = try values.number("internal.port", in: 1...65_535)
        self.transport = try TransportConfiguration(values, role: .unit, name: self.name)
        self.internalURL = values.string(
            "internal.url", default: "\(self.transport.scheme)://\(self.internalHost):\(self.internalPort)")
        self.connectionLimit = try values.number("public.connections", in: 1...1_000_000, default: 10_000)
        self.connectionLimitPerAddress = try values.number(
            "public.address.connections", in: 1...self.connectionLimit, default: max(1, self.connectionLimit / 5))
        self.lanes = try values.number(
            "public.lanes", in: 1...64, default: min(64, max(1, ProcessInfo.processInfo.activeProcessorCount / 2)))
        let address = try values.string("redis.address")
        guard let redis = RedisConnection.Address(address) else {
            throw StartError("redis.address is \"\(address)\", but must be an absolute path of a socket, or host:port")
        }
        self.redis = redis
        self.centerURL = try values.string("center.url")
        self.folder = try values.string("data.folder")
        var clock = ClockCheck.Settings()
        clock.floorMicroseconds = Int64(try values.number("clock.floor", in: 1...1_000_000, default: 500))
        clock.driftPerSecond = Int64(try values.number("clock.drift", in: 0...1_000_000, default: 200))
        clock.unsynchronisedMicroseconds = Int64(
            try values.number("clock.unsynchronised", in: 1...10_000_000, default: 1_000))
        self.clock = clock
        self.clockOffsetMicroseconds = Int64(
            try values.number("clock.offset", in: -60_000_000...60_000_000, default: 0))
        self.clockStepFile = values.string("clock.stepfile", default: "")
        var routes: [String: String] = [:]
        for route in values.string("links.routes", default: "").split(separator: ",") {
            let pair = route.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { throw StartError("links.routes: \"\(route)\" is not ADDRESS=OTHER") }
            routes[pair[0]] = pair[1]
        }
        self.routes = routes
        self.redisLogin = values.optionalSecret("tranche.redis.password").map {
            RedisConnection.Login(user: values.string("redis.user", default: ""), password: $0)
        }
        self.unitSecret = try self.transport.secrets(values, "tranche.unit.secret").first ?? ""
        self.contestSecret = try self.transport.secrets(values, "tranche.contest.secret").first ?? ""
        self.centerSecrets = try self.transport.secrets(values, "tranche.center.secret")
        self.shopSecrets = try self.transport.secrets(values, "tranche.shop.secret")
        self.tokenSecrets = try values.secrets("tranche.token.secret")
        self.paymentSecrets = try values.secrets("tranche.payment.secret")
        try self.transport.check("internal.host", host: self.internalHost)
        try self.transport.check("internal.url", url: self.internalURL)
        try self.transport.check("center.url", url: self.centerURL)
        if redis.port != nil {
            // This libhiredis has no TLS. Only another layer can encrypt this connection.
            guard TransportConfiguration.isLoopback(redis.host) || self.transport.isElsewhere else {
                throw StartError(
                    "redis.address is \"\(address)\", which leaves this machine in the clear: use a Redis of this machine, "
                        + "or set tls.elsewhere: true if a VPN or a mesh encrypts it")
            }
        }
    }
}
