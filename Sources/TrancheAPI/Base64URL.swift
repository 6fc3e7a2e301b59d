/// Base64 with the URL alphabet and no padding (RFC 4648, section 5).
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var (bits, count) = (UInt32(0), 0)
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(self.alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(self.alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` for a character outside the alphabet, an impossible length, or unused bits that are not zero.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let text = Array(text)
        var bytes = [UInt8](repeating: 0, count: text.count)
        let count = text.withUnsafeBytes { text in bytes.withUnsafeMutableBytes { self.decode(text, into: $0) } }
        return count.map { Array(bytes[..<$0]) }
    }

    /// - Parameter bytes: At least three quarters as long as `text`.
    /// - Returns: How many bytes were written; `nil` as above.
    static func decode(_ text: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard text.count % 4 != 1 else { return nil }
        return self.values.withUnsafeBufferPointer { values in
            var (bits, count, length) = (UInt32(0), 0, 0)
            for character in text {
                let value = values[Int(character)]
                guard value < 64 else { return nil }
                bits = bits << 6 | UInt32(value)
                count += 6
                if count >= 8 {
                    count -= 8
                    bytes[length] = UInt8(truncatingIfNeeded: bits >> UInt32(count))
                    length += 1
                }
            }
            return bits & (1 << UInt32(count) - 1) == 0 ? length : nil
        }
    }
}
