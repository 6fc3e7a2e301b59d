package import DaemonSupport
import Foundation
package import PostgresClient
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
/// | `redis.address` | one Redis: `/path/to.sock` or `host:port` | this or the next two or `redis.cluster` |
/// | `redis.sentinels` | the Sentinels that know where it is: `host:port,…`, 16 at most | none |
/// | `redis.master` | the name that the Sentinels have for it | none |
/// | `redis.cluster` | some nodes of a Redis Cluster: `host:port,…`, 16 at most | none |
/// | `redis.user` | the user for the login at Redis, with the password in `TRANCHE_REDIS_PASSWORD` | none |
/// | `redis.sentinel.user` | the same at the Sentinels, with `TRANCHE_SENTINEL_PASSWORD` | none |
/// | `center.url` | the config center; several, separated by commas, if there are more | required |
/// | `data.folder` | ledger and configuration | required |
/// | `ledger.postgres` | a connection string of libpq, without a password: the ledger is there, not in the folder | none |
/// | `ledger.unreplicated` | `true`: no standby of PostgreSQL has to confirm, for a trial on one machine | `false` |
/// | `clock.floor` | least uncertainty of a stamp, in microseconds | 500 |
/// | `clock.drift` | its growth since the kernel last spoke, in microseconds per second | 200 |
/// | `clock.unsynchronised` | uncertainty where the kernel calls itself unsynchronised, in microseconds | 1000 |
/// | `clock.offset` | added to the clock, in microseconds, to rehearse a clock that is wrong | 0 |
/// | `clock.stepfile` | a file with such an offset, read again ten times a second: to rehearse a clock that steps | none |
/// | `provider.url` and others | the payment provider: ``ProviderSettings`` | none: payments are told by callbacks alone |
/// | `provider.ask` | how long before its deadline an unpaid order is asked about, in milliseconds | 1000 |
/// | `provider.hold` | how long after its deadline it keeps its items while nothing is known of a payment, in milliseconds | 900000 |
/// | `links.routes` | `ADDRESS=OTHER,…`: where to call a coordinator instead of its own address | none |
///
/// Secrets come from files or from the environment (`secrets.folder`), each a list with the newest first. The unit shows `TRANCHE_UNIT_SECRET` to the
/// center and `TRANCHE_CONTEST_SECRET` to coordinators; it takes `TRANCHE_CENTER_SECRET` from the center,
/// `TRANCHE_SHOP_SECRET` from the shop, `TRANCHE_TOKEN_SECRET` in tokens and `TRANCHE_PAYMENT_SECRET` from the payment provider.
/// The password for `ledger.postgres` is `TRANCHE_LEDGER_PASSWORD`, or in the file that `PGPASSFILE` names.
/// The consumers of its events: ``ConsumerConfiguration``.
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
    package let redis: RedisServer
    package let centers: CenterAddresses
    package let folder: String
    /// `nil`: the ledger is a file of the folder.
    package let postgres: PostgresTarget?
    package let allowsUnreplicated: Bool
    package let clock: ClockCheck.Settings
    package let clockOffsetMicroseconds: Int64
    package let clockStepFile: String
    package let routes: [String: String]
    package let transport: TransportConfiguration
    package let unitSecret: LiveSecret
    package let contestSecret: LiveSecret
    package let centerSecrets: LiveSecret
    package let shopSecrets: LiveSecret
    package let tokenSecrets: LiveSecret
    package let paymentSecrets: LiveSecret
    /// The payment provider, and how the unit works with it; `nil` if there is none.
    package let provider: (settings: ProviderSettings, terms: ProviderTerms)?
    /// Who is told of every order.
    package let consumers: [ConsumerConfiguration]

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
        do throws(RedisSettingError) {
            self.redis = try RedisServer(
                text: { values.string($0, default: "") }, secret: values.optionalSecret,
                mayLeaveMachine: self.transport.isElsewhere)
        } catch { throw StartError("\(error)") }
        self.centers = try values.centers(self.transport)
        self.folder = try values.string("data.folder")
        self.postgres = try Self.postgres(values)
        self.allowsUnreplicated = try values.flag("ledger.unreplicated")
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
        self.unitSecret = try self.transport.secrets(values, "tranche.unit.secret")
        self.contestSecret = try self.transport.secrets(values, "tranche.contest.secret")
        self.centerSecrets = try self.transport.secrets(values, "tranche.center.secret")
        self.shopSecrets = try self.transport.secrets(values, "tranche.shop.secret")
        self.tokenSecrets = try values.liveSecret("tranche.token.secret")
        self.paymentSecrets = try values.liveSecret("tranche.payment.secret")
        self.provider = try Self.provider(values)
        self.consumers = try ConsumerConfiguration.all(values)
        try self.transport.check("internal.host", host: self.internalHost)
        try self.transport.check("internal.url", url: self.internalURL)
        try self.checkPostgres()
    }
}

extension UnitConfiguration {
    /// - Throws: ``StartError`` that names the setting, its value and its limits.
    package static func provider(
        _ values: DaemonConfiguration
    ) throws(StartError) -> (settings: ProviderSettings, terms: ProviderTerms)? {
        guard let settings = try ProviderSettings.read(values) else {
            for key in ["provider.ask", "provider.hold"] where (try? values.number(key, in: 0...Int.max)) != nil {
                throw StartError("\(key) is set, and provider.url is not: there is no provider to ask")
            }
            return nil
        }
        var terms = ProviderTerms()
        terms.askLeadMilliseconds = Int64(
            try values.number(
                "provider.ask", in: 0...Int(Limits.askLeadMilliseconds), default: Int(terms.askLeadMilliseconds)))
        terms.holdUnknownMilliseconds = Int64(
            try values.number(
                "provider.hold", in: 0...Int(Limits.holdUnknownMilliseconds),
                default: Int(terms.holdUnknownMilliseconds)))
        // A refund is two calls, and each may wait for a free one.
        terms.answerMilliseconds = max(terms.answerMilliseconds, 3 * Int64(settings.timeoutMilliseconds))
        if let defect = terms.defect { throw StartError("provider: \(defect)") }
        return (settings, terms)
    }

    private static func postgres(_ values: DaemonConfiguration) throws(StartError) -> PostgresTarget? {
        let text = values.string("ledger.postgres", default: "")
        guard !text.isEmpty else { return nil }
        let target: PostgresTarget
        do { target = try PostgresTarget(text, password: values.optionalSecret("tranche.ledger.password")) } catch {
            throw StartError("ledger.postgres: \(error)")
        }
        guard !target.hasPassword else {
            throw StartError(
                "ledger.postgres contains a password: put it into TRANCHE_LEDGER_PASSWORD, or into the file that "
                    + "PGPASSFILE names")
        }
        return target
    }

    private func checkPostgres() throws(StartError) {
        guard let postgres, !self.transport.isElsewhere, !["verify-ca", "verify-full"].contains(postgres.encryption)
        else {
            return
        }
        for host in postgres.hosts where !host.hasPrefix("/") && !TransportConfiguration.isLoopback(host) {
            throw StartError(
                "ledger.postgres names \(host), which is reached in the clear, or without knowing it: add "
                    + "sslmode=verify-full, or set tls.elsewhere: true if a VPN or a mesh encrypts it")
        }
    }
}
