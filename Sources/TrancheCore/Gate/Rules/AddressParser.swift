/// Reads addresses as text (RFC 4291, section 2.2; for version 4 the strict form of RFC 6943, section 3.1.1).
enum AddressParser {
    /// The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
    static let longest = 45

    /// One pass and no allocation: a gate behind a proxy reads an address with each request.
    ///
    /// - Returns: `nil` if the bytes are not exactly one address.
    static func parse(_ text: UnsafeRawBufferPointer) -> UInt128? {
        guard text.count <= self.longest else { return nil }
        return text.contains(self.colon)
            ? self.version6(text) : self.version4(text[...]).map { NetworkAddress.mappedPrefix | UInt128($0) }
    }

    private static let colon = UInt8(ascii: ":")
    private static let point = UInt8(ascii: ".")

    private static func version4(_ text: Slice<UnsafeRawBufferPointer>) -> UInt32? {
        var (value, part, digits, points) = (UInt32(0), UInt32(0), 0, 0)
        for byte in text {
            if byte == self.point {
                guard digits > 0, points < 3 else { return nil }
                (value, part, digits, points) = (value << 8 | part, 0, 0, points + 1)
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits == 0 || part > 0 else { return nil }
            part = part * 10 + UInt32(byte - UInt8(ascii: "0"))
            digits += 1
            guard part <= 255 else { return nil }
        }
        return digits > 0 && points == 3 ? value << 8 | part : nil
    }

    /// A number without sign and without leading zeros.
    static func decimal(_ text: ArraySlice<UInt8>, limit: Int) -> Int? {
        guard (1...3).contains(text.count), text.count == 1 || text.first != UInt8(ascii: "0") else { return nil }
        var value = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value <= limit ? value : nil
    }

    private static func version6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        /// The groups before the first `::`; `nil` before it was seen.
        var gap: Int?
        var (groups, count, cursor) = (UInt128(0), 0, 0)
        if text.starts(with: "::".utf8) { (gap, cursor) = (0, 2) }
        while cursor < text.count {
            let start = cursor
            var group: UInt128 = 0
            while cursor < text.count, let digit = Hex.value(text[cursor]) {
                group = group << 4 | UInt128(digit)
                cursor += 1
                guard cursor - start <= 4 else { return nil }
            }
            if cursor < text.count, text[cursor] == self.point {
                // The last two groups are an address of version 4.
                guard count <= 6, let last = self.version4(text[start...]) else { return nil }
                (groups, count, cursor) = (groups << 32 | UInt128(last), count + 2, text.count)
                break
            }
            guard cursor > start, count < 8 else { return nil }
            (groups, count) = (groups << 16 | group, count + 1)
            if cursor == text.count { break }
            guard text[cursor] == self.colon else { return nil }
            cursor += 1
            guard cursor < text.count else { return nil }
            if text[cursor] == self.colon {
                guard gap == nil else { return nil }
                gap = count
                cursor += 1
            }
        }
        guard let gap else { return count == 8 ? groups : nil }
        guard count <= 7 else { return nil }
        let behind = 16 * (count - gap)
        let (before, after) = (groups >> behind, groups & ((1 << behind) - 1))
        return before << (128 - 16 * gap) | after
    }
}
