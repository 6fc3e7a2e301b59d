import DaemonSupport
package import RedisClient
import TrancheCore

/// The receiver of a consumer that wants a stream in a Redis, `NAME` in the keys below.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `outbox.NAME.redis` | the Redis: `/path/to.sock` or `host:port` | required |
/// | `outbox.NAME.stream` | the stream's key | `tranche` |
/// | `outbox.NAME.length` | entries that the stream keeps, about; older ones are deleted | 1000000 |
/// | `outbox.NAME.user` | the user for the login, with the password in `TRANCHE_OUTBOX_NAME_SECRET` | none |
package struct StreamSettings: Sendable {
    package static let keyBytes = 1...128
    /// Redis deletes old entries a hundred at a time.
    package static let lengths = 1_000...100_000_000

    package let address: RedisConnection.Address
    package let key: String
    package let length: Int
    private let logins: @Sendable () -> RedisConnection.Login?

    /// The login as it is now: the password may be replaced, and the next connection needs the new one.
    package var login: RedisConnection.Login? { self.logins() }

    /// - Parameter login: Asked again for each connection.
    package init(
        address: RedisConnection.Address, key: String, length: Int = 1_000_000,
        login: @escaping @Sendable () -> RedisConnection.Login? = { nil }
    ) {
        (self.address, self.key, self.length, self.logins) = (address, key, length, login)
    }

    init(_ name: String, _ values: DaemonConfiguration) throws(StartError) {
        let key = "outbox.\(name)"
        let text = try values.string("\(key).redis")
        guard let address = RedisConnection.Address(text) else {
            throw StartError("\(key).redis is \"\(text)\", but must be an absolute path of a socket, or host:port")
        }
        let isElsewhere = try values.flag("tls.elsewhere")
        let isHere = address.port == nil || RedisEndpoint(host: address.host, port: 1).isLoopback
        guard isHere || isElsewhere else {
            throw StartError(
                "\(key).redis is \"\(text)\", which leaves this machine in the clear: use a Redis of this machine, or set "
                    + "tls.elsewhere: true if a VPN or a mesh encrypts it")
        }
        self.address = address
        self.key = values.string("\(key).stream", default: "tranche")
        guard Self.keyBytes.contains(self.key.utf8.count) else {
            throw StartError(
                "\(key).stream has \(self.key.utf8.count) bytes, but must have \(Self.keyBytes.lowerBound) to "
                    + "\(Self.keyBytes.upperBound)")
        }
        self.length = try values.number("\(key).length", in: Self.lengths, default: 1_000_000)
        let user = values.string("\(key).user", default: "")
        let secret = "tranche.outbox.\(name).secret"
        guard user.isEmpty || values.optionalSecret(secret) != nil else {
            throw StartError("\(key).user is set, but TRANCHE_OUTBOX_\(name.uppercased())_SECRET is missing")
        }
        self.logins = { values.optionalSecret(secret).map { RedisConnection.Login(user: user, password: $0) } }
    }
}
