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

    /// - Precondition: The text has at most 255 bytes.
    mutating func text(_ text: String) {
        self.byte(UInt8(text.utf8.count))
        self.bytes.append(contentsOf: text.utf8)
    }
}
