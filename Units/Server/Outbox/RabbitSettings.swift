import DaemonSupport
import Foundation
package import RabbitClient
import TrancheAPI
import TrancheCore

/// The receiver of a consumer that wants messages in a RabbitMQ, `NAME` in the keys below.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `outbox.NAME.amqp` | the RabbitMQ: `amqps://host:port/vhost` | required |
/// | `outbox.NAME.user` | the user for the login, with the password in `TRANCHE_OUTBOX_NAME_SECRET` | required |
/// | `outbox.NAME.authorities` | a PEM file: who may have signed the RabbitMQ's certificate | those of Debian |
/// | `outbox.NAME.exchange` | the beginning of the names of exchanges | `tranche` |
package struct RabbitSettings: Sendable {
    package static let prefixBytes = 1...64
    package static let authorities = "/etc/ssl/certs/ca-certificates.crt"

    package let address: RabbitAddress
    package let authorities: String
    package let prefix: String
    private let logins: @Sendable () -> RabbitConnection.Login?

    /// The login as it is now: the password may be replaced, and the next connection needs the new one.
    package var login: RabbitConnection.Login? { self.logins() }

    /// - Parameter login: Asked again for each connection.
    package init(
        address: RabbitAddress, prefix: String = "tranche", authorities: String = Self.authorities,
        login: @escaping @Sendable () -> RabbitConnection.Login?
    ) {
        (self.address, self.prefix, self.authorities, self.logins) = (address, prefix, authorities, login)
    }

    init(_ name: String, _ values: DaemonConfiguration) throws(StartError) {
        let key = "outbox.\(name)"
        let text = try values.string("\(key).amqp")
        guard let address = RabbitAddress(text) else {
            // It may have a password in it.
            throw StartError("\(key).amqp is not an address: it must be \(RabbitAddress.rule)")
        }
        let isElsewhere = try values.flag("tls.elsewhere")
        let isHere = RedisEndpoint(host: address.host, port: 1).isLoopback
        guard address.isEncrypted || isHere || isElsewhere else {
            throw StartError(
                "\(key).amqp is \"\(address)\", which leaves this machine in the clear: use amqps://, or set tls.elsewhere: "
                    + "true if a VPN or a mesh encrypts it")
        }
        self.address = address
        self.authorities = values.string("\(key).authorities", default: Self.authorities)
        guard !address.isEncrypted || FileManager.default.isReadableFile(atPath: self.authorities) else {
            throw StartError("\(key).authorities: the file \(self.authorities) cannot be read")
        }
        self.prefix = values.string("\(key).exchange", default: "tranche")
        let isPrefix =
            Self.prefixBytes.contains(self.prefix.utf8.count) && !self.prefix.hasPrefix("amq.")
            && self.prefix.utf8.allSatisfy { Self.isPrefixByte($0) }
        guard isPrefix else {
            throw StartError(
                "\(key).exchange is \"\(self.prefix)\", but must have \(Self.prefixBytes.lowerBound) to "
                    + "\(Self.prefixBytes.upperBound) letters, digits, dots and dashes, and not begin with amq.")
        }
        let user = try values.string("\(key).user")
        let secret = "tranche.outbox.\(name).secret"
        guard values.optionalSecret(secret) != nil else {
            throw StartError("TRANCHE_OUTBOX_\(name.uppercased())_SECRET is missing: the password of \(key).user")
        }
        self.logins = { values.optionalSecret(secret).map { RabbitConnection.Login(user: user, password: $0) } }
    }

    private static func isPrefixByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || (65...90).contains(byte)
            || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
    }

    /// The exchange of a sale.
    package func exchange(ofSale sale: String) -> String { "\(self.prefix).sale.\(sale)" }

    /// The exchange of events about orders whose sale is not known: a refund may be due for an order that no ledger has.
    package var refunds: String { "\(self.prefix).refunds" }
}
