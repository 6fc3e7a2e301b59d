import Crypto
package import TrancheCore

/// The seed of a sale's draws. Its hash is published with the sale, and the seed after the opening, so that everybody
/// can check their draw number, and nobody could choose it.
package struct DrawSeed: Sendable {
    package static let bytes = 32
    /// 64 lower-case hexadecimal digits.
    package let text: String
    /// SHA-256 of the seed's bytes, in hexadecimal digits.
    package let hash: String
    private let key: HMAC<SHA256>

    /// Draws a new seed.
    package init(using generator: inout some RandomNumberGenerator) {
        var bytes: [UInt8] = []
        for _ in 0..<4 { bytes.put(big: generator.next()) }
        self.init(bytes)
    }

    /// - Returns: `nil` if `text` is not 64 hexadecimal digits.
    package init?(_ text: String) {
        guard let bytes = HexBytes.parse(text.utf8, count: Self.bytes) else { return nil }
        self.init(bytes)
    }

    private init(_ bytes: [UInt8]) {
        (self.text, self.hash) = (HexBytes.text(bytes), HexBytes.text(SHA256.hash(data: bytes)))
        self.key = HMAC(key: SymmetricKey(data: bytes))
    }

    /// A buyer's draw number in a lot: the first 8 bytes of HMAC-SHA256(seed, lot, buyer) as a big-endian number, each
    /// field with its length in two bytes before it, the lot in four bytes.
    package func number(lot: LotID, buyer: BuyerID) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + Limits.buyerBytes)
        bytes.put(field: lot.rawValue)
        bytes.put(field: buyer.rawValue.utf8)
        let code = bytes.withUnsafeBytes { self.key.code($0) }
        return code.withUnsafeBytes { $0.big(UInt64.self, at: 0) }
    }
}

/// Bytes as hexadecimal text.
enum HexBytes {
    /// Lower-case digits.
    ///
    /// - Parameter count: How many bytes there are; digests do not say it themselves.
    static func text(_ bytes: some Sequence<UInt8>, count: Int = 32) -> String {
        String(unsafeUninitializedCapacity: 2 * count) { text in
            var length = 0
            for byte in bytes.prefix(count) {
                (text[length], text[length + 1]) = (self.digit(byte >> 4), self.digit(byte & 15))
                length += 2
            }
            return length
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? value + 48 : value + 87 }

    /// - Returns: `nil` if `text` is not twice `count` hexadecimal digits.
    static func parse(_ text: some Collection<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == 2 * count else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var high: UInt64?
        for character in text {
            guard let digit = Hex.value(character) else { return nil }
            if let first = high {
                bytes.append(UInt8(first << 4 | digit))
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }
}
