package import DaemonSupport
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
/// | `redis.address` | `/path/to.sock` or `host:port` | required |
/// | `center.url` | the config center | required |
/// | `data.folder` | ledger and configuration | required |
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
    package let redis: RedisConnection.Address
    package let centerURL: String
    package let folder: String
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
        let address = try values.string("redis.address")
        guard let redis = RedisConnection.Address(address) else {
            throw StartError("redis.address is \"\(address)\", but must be an absolute path of a socket, or host:port")
        }
        self.redis = redis
        self.centerURL = try values.string("center.url")
        self.folder = try values.string("data.folder")
        self.serviceSecret = try values.secret("tranche.service.secret")
        self.tokenSecret = try values.secret("tranche.token.secret")
        self.paymentSecret = try values.secret("tranche.payment.secret")
    }
}
