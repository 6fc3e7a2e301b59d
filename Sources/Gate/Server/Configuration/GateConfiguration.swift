package import DaemonSupport
import Foundation
package import RedisClient
import TrancheAPI
package import TrancheCore

/// The settings of one gate's process; the config center has the rules of sales.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `gate.name` | its name in reports | required |
/// | `gate.region` | its region | required |
/// | `public.host`, `public.port` | where buyers connect | 127.0.0.1, required |
/// | `public.url` | the address that buyers know | from host and port |
/// | `internal.host`, `internal.port` | metrics and readiness | 127.0.0.1, required |
/// | `public.connections` | open connections at most | 10000 |
/// | `public.address.connections` | of them, from one IPv4 address or one /64 of IPv6 | a fifth |
/// | `public.lanes` | threads that serve buyers | half of the processors |
/// | `proxies.trusted` | addresses and ranges of proxies whose `X-Forwarded-For` counts: `10.0.0.0/8,::1` | none |
/// | `proxies.protocol` | addresses and ranges of proxies that must send the PROXY protocol, version 2 | none |
/// | `redis.address` | `/path/to.sock` or `host:port`, shared by the gates of a region | this or the next two |
/// | `redis.sentinels` | the Sentinels that know where it is: `host:port,…`, 16 at most | none |
/// | `redis.master` | the name that the Sentinels have for it | none |
/// | `redis.user` | the user for the login at Redis, with the password in `TRANCHE_REDIS_PASSWORD` | none |
/// | `redis.sentinel.user` | the same at the Sentinels, with `TRANCHE_SENTINEL_PASSWORD` | none |
/// | `center.url` | the config center; several, separated by commas, if there are more | required |
/// | `identity.keys` | the shop's keys: a JWKS file, or an http address that is read again every minute | required, unless `identity.dev` |
/// | `identity.issuer`, `identity.audience` | what a proof of identity must name | required, unless `identity.dev` |
/// | `identity.dev` | `true`: buyers sign in at the gate with a name alone; refused outside loopback | false |
/// | `session.seconds` | the life of a session | 1800 |
/// | `lists.folder` | files with lists of buyers and addresses: `NAME.buyers`, `NAME.addresses`, a line each | none |
/// | `shop.origins` | origins of the shop's pages that may sign buyers in by a form: `https://shop.example` | none |
/// | `captcha.verify` | where the captcha provider judges answers; needs `TRANCHE_CAPTCHA_SECRET` | none: the gate's own picture |
/// | `captcha.script`, `captcha.widget`, `captcha.site.key` | the provider's script, the class of its element, its public key | required with it |
/// | `captcha.origins` | from where the page may load scripts, styles and frames | the script's |
/// | `captcha.milliseconds`, `captcha.calls` | the longest call, and calls at the same time | 2000, 64 |
///
/// Secrets come from files or from the environment (`secrets.folder`), each a list with the newest first: `TRANCHE_GATE_KEY` signs sessions, entry
/// tickets and challenges, and makes order ids (a list without times, read at the start); `TRANCHE_TOKEN_SECRET` makes tokens; `TRANCHE_GATE_SECRET` is shown to the
/// center; `TRANCHE_PAYMENT_SECRET` is needed with `identity.dev`, where the page can pay.
package struct GateConfiguration: Sendable {
    package enum Identity: Sendable {
        case dev
        case shop(keys: String, issuer: String, audience: String)

        /// Where the shop's keys are read again and again; `nil` if they are in a file.
        var keysAddress: String? {
            guard case .shop(let keys, _, _) = self, keys.hasPrefix("http://") || keys.hasPrefix("https://") else {
                return nil
            }
            return keys
        }
    }
    package let name: String
    package let region: String
    package let publicHost: String
    package let publicPort: Int
    package let publicURL: String
    package let internalHost: String
    package let internalPort: Int
    package let connectionLimit: Int
    package let connectionLimitPerAddress: Int
    package let lanes: Int
    package let proxies: AddressSet
    /// Proxies that must begin each connection with the PROXY protocol, version 2.
    package let protocolProxies: AddressSet
    package let redis: RedisServer
    package let centers: CenterAddresses
    package let identity: Identity
    package let sessionMilliseconds: Int64
    package let listsFolder: String
    package let captcha: CaptchaSettings?
    /// Pages of the shop that may sign buyers in by a form.
    package let shopOrigins: [String]
    package let transport: TransportConfiguration
    package let gateKeys: [String]
    package let tokenSecrets: LiveSecret
    package let gateSecret: LiveSecret
    /// `nil` where the page cannot pay.
    package let paymentSecrets: LiveSecret?

    package init(_ values: DaemonConfiguration) throws(StartError) {
        self.name = try values.string("gate.name")
        guard (1...64).contains(self.name.utf8.count) else {
            throw StartError("gate.name is \"\(self.name)\", but must have 1 to 64 bytes")
        }
        self.region = try values.string("gate.region")
        self.publicHost = values.string("public.host", default: "127.0.0.1")
        self.publicPort = try values.number("public.port", in: 1...65_535)
        self.publicURL = values.string("public.url", default: "http://\(self.publicHost):\(self.publicPort)")
        self.internalHost = values.string("internal.host", default: "127.0.0.1")
        self.internalPort = try values.number("internal.port", in: 1...65_535)
        self.transport = try TransportConfiguration(values, role: .gate, name: self.name)
        self.connectionLimit = try values.number("public.connections", in: 1...1_000_000, default: 10_000)
        self.connectionLimitPerAddress = try values.number(
            "public.address.connections", in: 1...self.connectionLimit, default: max(1, self.connectionLimit / 5))
        self.lanes = try values.number(
            "public.lanes", in: 1...64, default: min(64, max(1, ProcessInfo.processInfo.activeProcessorCount / 2)))
        self.proxies = try Self.addresses(values, "proxies.trusted")
        self.protocolProxies = try Self.addresses(values, "proxies.protocol")
        self.redis = try Self.redis(values, self.transport)
        self.centers = try values.centers(self.transport)
        self.sessionMilliseconds = 1_000 * Int64(try values.number("session.seconds", in: 10...86_400, default: 1_800))
        self.listsFolder = values.string("lists.folder", default: "")
        self.captcha = try CaptchaSettings(values)
        self.shopOrigins = try Self.shopOrigins(values)
        self.gateKeys = try values.secrets("tranche.gate.key")
        self.tokenSecrets = try values.liveSecret("tranche.token.secret")
        self.gateSecret = try self.transport.secrets(values, "tranche.gate.secret")
        if try values.flag("identity.dev") {
            guard TransportConfiguration.isLoopback(self.publicHost) else {
                throw StartError(
                    "identity.dev lets everybody sign in under any name, and public.host is \"\(self.publicHost)\": use it on "
                        + "127.0.0.1 only, or give the shop's keys in identity.keys")
            }
            self.identity = .dev
            self.paymentSecrets = try values.liveSecret("tranche.payment.secret")
        } else {
            self.identity = .shop(
                keys: try values.string("identity.keys"), issuer: try values.string("identity.issuer"),
                audience: try values.string("identity.audience"))
            self.paymentSecrets = nil
            // Whoever can change the keys on their way can sign in as anybody.
            if let address = self.identity.keysAddress, !CaptchaSettings.isPrivate(address) {
                throw StartError(
                    "identity.keys is \"\(address)\", which leaves this machine in the clear: use https://, or a file")
            }
        }
        try self.transport.check("internal.host", host: self.internalHost)
    }

    private static func redis(
        _ values: DaemonConfiguration, _ transport: TransportConfiguration
    ) throws(StartError) -> RedisServer {
        guard values.string("redis.cluster", default: "").isEmpty else {
            // One call asks for the limits of many buyers, whose keys are in many slots.
            throw StartError("redis.cluster is for units only: give the gate redis.address or redis.sentinels")
        }
        do throws(RedisSettingError) {
            return try RedisServer(
                text: { values.string($0, default: "") }, secret: values.optionalSecret,
                mayLeaveMachine: transport.isElsewhere)
        } catch { throw StartError("\(error)") }
    }

    private static func addresses(_ values: DaemonConfiguration, _ key: String) throws(StartError) -> AddressSet {
        do throws(AddressError) {
            let texts = values.string(key, default: "").split(separator: ",")
            // Of a peer with a version 6 address only the network is known.
            var ranges: [AddressRange] = []
            for text in texts { ranges.append(try AddressRange(text: text.filter { !$0.isWhitespace }).limited) }
            return AddressSet(ranges)
        } catch { throw StartError("\(key): \(error)") }
    }

    private static func shopOrigins(_ values: DaemonConfiguration) throws(StartError) -> [String] {
        let origins = values.string("shop.origins", default: "").split(separator: ",")
            .map { $0.filter { !$0.isWhitespace } }
        for text in origins {
            guard WebOrigin(address: text)?.text == text else {
                throw StartError("shop.origins has \"\(text)\", but must be a list of origins like https://host")
            }
        }
        return origins
    }
}
