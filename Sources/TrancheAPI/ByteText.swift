package import TrancheCore

/// Builds text as bytes, without an intermediate `String`.
extension [UInt8] {
    package mutating func write(_ text: StaticString) {
        self.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func write(decimal value: some FixedWidthInteger) {
        var left = UInt64(value.magnitude)
        if value < 0 { self.append(UInt8(ascii: "-")) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var offset = 20
            repeat {
                offset -= 1
                digits[offset] = UInt8(truncatingIfNeeded: left % 10) + 48
                left /= 10
            } while left > 0
            self.append(contentsOf: UnsafeBufferPointer(rebasing: digits[offset...]))
        }
    }

    /// 32 hexadecimal digits.
    package mutating func write(_ order: OrderID) {
        for half in [order.high, order.low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: half >> UInt64(shift)) & 15
                self.append(digit < 10 ? digit + 48 : digit + 87)
            }
        }
    }

    /// A JSON string (RFC 8259, section 7), with its quotes.
    package mutating func write(json text: String) {
        self.append(UInt8(ascii: "\""))
        defer { self.append(UInt8(ascii: "\"")) }
        var text = text
        // Almost every text is copied as it is.
        let isPlain = text.withUTF8 { bytes in
            guard bytes.allSatisfy({ $0 >= 32 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) else {
                return false
            }
            self.append(contentsOf: bytes)
            return true
        }
        if isPlain { return }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
            case 0..<32:
                self.write("\\u00")
                for digit in [byte >> 4, byte & 15] { self.append(digit < 10 ? digit + 48 : digit + 87) }
            default: self.append(byte)
            }
        }
    }
}
