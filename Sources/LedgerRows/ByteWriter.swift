import TrancheCore

/// The counterpart of ``ByteReader``.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { self.bytes.append(value) }

    mutating func big(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { self.bytes.append(contentsOf: $0) } }

    mutating func order(_ id: OrderID) {
        self.big(id.high)
        self.big(id.low)
    }

    /// 7 bits in each byte, the lowest first, with the sign in the lowest bit.
    mutating func varint(_ number: Int64) {
        var left = UInt64(bitPattern: number << 1 ^ number >> 63)
        while left >= 128 {
            self.byte(UInt8(truncatingIfNeeded: left) | 128)
            left >>= 7
        }
        self.byte(UInt8(left))
    }

    /// An amount and its currency; 0 and 0 for none.
    mutating func money(_ money: Money) {
        self.varint(money.minor)
        self.varint(Int64(money.currency.rawValue))
    }

    /// - Precondition: The text has at most 255 bytes.
    mutating func text(_ text: String) {
        self.byte(UInt8(text.utf8.count))
        self.bytes.append(contentsOf: text.utf8)
    }
}

extension ByteReader {
    /// - Returns: `nil` if the bytes are neither an amount nor none.
    mutating func money() -> Money? {
        guard let minor = self.varint(), let code = self.varint() else { return nil }
        if minor == 0, code == 0 { return Money.none }
        return UInt16(exactly: code).flatMap { Currency(rawValue: $0) }.flatMap { Money(minor: minor, currency: $0) }
    }
}
