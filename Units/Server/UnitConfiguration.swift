package import DaemonSupport
import Foundation
package import RedisClient
package import TrancheCore

/// What one unit's process needs to know before it can ask the config center for the rest.
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
/// | `public.lanes` | threads that serve buyers | half of the processors |
/// | `redis.address` | `/path/to.sock` or `host:port` | required |
/// | `center.url` | the config center | required |
/// | `data.folder` | ledger and configuration | required |
/// | `clock.floor` | least uncertainty of a stamp, in microseconds | 500 |
/// | `clock.drift` | its growth since the kernel last spoke, in microseconds per second | 200 |
/// | `clock.unsynchronised` | uncertainty where the kernel calls itself unsynchronised, in microseconds | 1000 |
/// | `clock.offset` | added to the clock, in microseconds, to rehearse a clock that is wrong | 0 |
/// | `links.routes` | `ADDRESS=OTHER,…`: where to call a coordinator instead of its own address | none |
///
/// Secrets come from the environment only: `TRANCHE_SERVICE_SECRET`, `TRANCHE_TOKEN_SECRET`, `TRANCHE_PAYMENT_SECRET`.
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
    package let lanes: Int
    package let redis: RedisConnection.Address
    package let centerURL: String
    package let folder: String
    package let clock: ClockCheck.Settings
    package let clockOffsetMicroseconds: Int64
    package let routes: [String: String]
    package let serviceSecret: String
    package let tokenSecret: String
    package let paymentSecret: String

    package init(_ values: DaemonConfiguration) throws(StartError) {
        self.unit = UnitID(UInt16(try values.number("unit.id", in: 1...65_535)))
        self.name = try values.string("unit.name")
        self.region = try values.string("unit.region")
        self.publicHost = values.string("public.host", default: "127.0.0.1")
        self.publicPort = try values.number("public.port", in: 1...65_535)
        self.publicURL = values.string("public.url", default: "http://\(self.publicHost):\(self.publicPort)")
        self.internalHost = values.string("internal.host", default: "127.0.0.1")
        self.internalPort = try values.number("internal.port", in: 1...65_535)
        self.internalURL = values.string("internal.url", default: "http://\(self.internalHost):\(self.internalPort)")
        self.connectionLimit = try values.number("public.connections", in: 1...1_000_000, default: 10_000)
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
        var routes: [String: String] = [:]
        for route in values.string("links.routes", default: "").split(separator: ",") {
            let pair = route.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { throw StartError("links.routes: \"\(route)\" is not ADDRESS=OTHER") }
            routes[pair[0]] = pair[1]
        }
        self.routes = routes
        self.serviceSecret = try values.secret("tranche.service.secret")
        self.tokenSecret = try values.secret("tranche.token.secret")
        self.paymentSecret = try values.secret("tranche.payment.secret")
    }
}
