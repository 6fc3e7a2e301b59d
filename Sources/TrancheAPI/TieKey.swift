import Crypto
package import TrancheCore

/// The tie keys of a sale: HMAC-SHA256 (RFC 2104) over the order id, with the sale's secret.
package struct TieKey: Sendable {
    private let key: SymmetricKey
    package init(secret: String) { self.key = SymmetricKey(data: Array(secret.utf8)) }

    /// The first 8 bytes, as a number.
    package func callAsFunction(_ order: OrderID) -> UInt64 {
        let mac = withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) {
            HMAC<SHA256>.authenticationCode(for: Array($0), using: self.key)
        }
        return mac.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    /// The hash of a secret, which is published before the sale.
    package static func hash(of secret: String) -> String { ConfigPush.checksum(of: secret) }
}
