/// An address of the Internet protocol, version 4 or 6, as one number of 128 bits.
///
/// A version 4 address has the number of its mapped form `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2). So a caller is
/// the same one on a socket for both versions.
package struct NetworkAddress: RawRepresentable, Hashable, Comparable, Sendable {
    static let mappedPrefix: UInt128 = 0xFFFF << 32

    package let rawValue: UInt128
    package init(rawValue: UInt128) { self.rawValue = rawValue }

    /// - Throws: ``AddressError`` for every text that is not exactly one address. Leading zeros in version 4 are refused,
    ///   because some systems read them as octal; so are zones (`%eth0`), which mean nothing to other machines.
    package init(text: some StringProtocol) throws(AddressError) {
        let bytes = Array(text.utf8.prefix(AddressParser.longest + 1))
        guard let value = bytes.withUnsafeBytes({ AddressParser.parse($0) }) else {
            throw .notAnAddress(AddressError.shown(text))
        }
        self.rawValue = value
    }

    /// The same; `nil` if the bytes are not exactly one address.
    package init?(bytes: UnsafeRawBufferPointer) {
        guard let value = AddressParser.parse(bytes) else { return nil }
        self.rawValue = value
    }

    package var isVersion4: Bool { self.rawValue >> 32 == Self.mappedPrefix >> 32 }

    /// The network that shares one limit on requests: a version 4 address itself, the first 64 bits of a version 6
    /// address. One household or machine has 2^64 addresses of version 6 (RFC 6177).
    package var limited: NetworkAddress {
        self.isVersion4 ? self : NetworkAddress(rawValue: (self.rawValue >> 64) << 64)
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Why a text is not an address or a range of addresses. Every case names the text, shortened to 64 characters.
package enum AddressError: Error, Hashable, Sendable, CustomStringConvertible {
    case notAnAddress(String)
    case badPrefix(String, limit: Int)
    /// Bits behind the prefix are not zero. Another prefix or another address may be meant.
    case bitsBehindPrefix(String)
    case tooMany(Int, limit: Int)

    package var description: String {
        switch self {
        case .notAnAddress(let text): "\"\(text)\" is not an address; expected 192.0.2.7 or 2001:db8::7"
        case .badPrefix(let text, let limit): "\"\(text)\" has a bad prefix; expected a number in 0...\(limit)"
        case .bitsBehindPrefix(let text): "\"\(text)\" has bits behind its prefix; write the first address of the range"
        case .tooMany(let count, let limit): "\(count) ranges are more than \(limit)"
        }
    }

    static func shown(_ text: some StringProtocol) -> String { String(text.prefix(64)) }
}
