/// Hexadecimal text without Foundation, which the core may not import.
package enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Sixteen lower-case digits.
    package static func text(_ value: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            for offset in 0..<16 {
                buffer[offset] = self.digits[Int((value >> UInt64(60 - 4 * offset)) & 15)]
            }
            return 16
        }
    }

    /// The two halves of 32 digits, or `nil` if `text` is anything else.
    package static func pair(_ text: some StringProtocol) -> (UInt64, UInt64)? {
        guard text.utf8.count == 32 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for (offset, byte) in text.utf8.enumerated() {
            guard let digit = self.value(byte) else { return nil }
            if offset < 16 { halves.0 = halves.0 << 4 | digit } else { halves.1 = halves.1 << 4 | digit }
        }
        return halves
    }

    /// The value of one digit of either case.
    package static func value(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
