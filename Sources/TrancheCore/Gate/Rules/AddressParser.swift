/// Reads addresses as text (RFC 4291, section 2.2; for version 4 the strict form of RFC 6943, section 3.1.1).
enum AddressParser {
    /// The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
    static let longest = 45

    /// - Returns: `nil` if the bytes are not exactly one address.
    static func parse(_ text: [UInt8]) -> UInt128? {
        guard text.count <= self.longest else { return nil }
        return text.contains(UInt8(ascii: ":"))
            ? self.version6(text[...]) : self.version4(text[...]).map { NetworkAddress.mappedPrefix | UInt128($0) }
    }

    private static func version4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let number = self.decimal(part, limit: 255) else { return nil }
            value = value << 8 | UInt32(number)
        }
        return value
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

    private static func version6(_ text: ArraySlice<UInt8>) -> UInt128? {
        guard let gap = self.gap(in: text) else {
            guard let groups = self.groups(text), groups.count == 8 else { return nil }
            return self.joined(groups)
        }
        // A text behind the gap may not have a second one: it has an empty group then.
        guard let before = self.groups(text[..<gap]), let behind = self.groups(text[(gap + 2)...]),
            before.count + behind.count <= 7, !text[..<gap].contains(UInt8(ascii: "."))
        else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - before.count - behind.count)
        return self.joined(before + zeros + behind)
    }

    /// The index of the first `::`.
    private static func gap(in text: ArraySlice<UInt8>) -> Int? {
        text.indices.dropLast().first { text[$0] == UInt8(ascii: ":") && text[$0 + 1] == UInt8(ascii: ":") }
    }

    /// Groups of 16 bits; the last two may be an address of version 4. An empty text has no groups.
    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let last = self.version4(part) else { return nil }
                groups += [UInt16(last >> 16), UInt16(last & 0xFFFF)]
            } else {
                guard let group = self.group(part) else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    private static func group(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for byte in text {
            guard let digit = Hex.value(byte) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private static func joined(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }
}
