import Crypto
package import TrancheCore

/// The order ids of tokens that gates make. Every gate derives the same id for the same attempt, so a buyer who asks
/// twice, at two gates, still makes one order.
///
/// The id is the first 16 bytes of HMAC-SHA256(K, sale, lot, buyer, attempt), each field with its length in two bytes
/// before it, numbers big-endian in four bytes.
package struct OrderDerivation: Sendable {
    private let key: HMAC<SHA256>

    package init(_ keys: GateKeys) { self.key = keys.keyed(.order)[0] }

    /// - Parameter attempt: Which of the buyer's attempts at the lot it is: a new one only after an order that ended.
    package func order(sale: String, lot: LotID, buyer: BuyerID, attempt: UInt32) -> OrderID {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        bytes.put(field: sale.utf8)
        bytes.put(field: lot.rawValue)
        bytes.put(field: buyer.rawValue.utf8)
        bytes.put(field: attempt)
        let code = bytes.withUnsafeBytes { self.key.code($0) }
        return code.withUnsafeBytes { OrderID(high: $0.big(UInt64.self, at: 0), low: $0.big(UInt64.self, at: 8)) }
    }
}
