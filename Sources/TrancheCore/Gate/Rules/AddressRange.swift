/// All addresses with the same first bits, as in `192.0.2.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291).
package struct AddressRange: Hashable, Sendable {
    package let first: NetworkAddress
    package let last: NetworkAddress

    /// Reads a range, or one address.
    ///
    /// `0.0.0.0/0` contains all addresses of version 4, and `::/0` all addresses of both versions, because version 4 is
    /// mapped into version 6.
    package init(text: some StringProtocol) throws(AddressError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let address = Array(parts[0].prefix(AddressParser.longest + 1))
        guard let value = address.withUnsafeBytes({ AddressParser.parse($0) }) else {
            throw .notAnAddress(AddressError.shown(text))
        }
        self.first = NetworkAddress(rawValue: value)
        guard parts.count == 2 else {
            self.last = self.first
            return
        }
        // A mapped address in the form of version 6 has the prefixes of version 6.
        let bits = parts[0].contains(UInt8(ascii: ":")) ? 128 : 32
        guard let prefix = AddressParser.decimal(Array(parts[1].prefix(4))[...], limit: bits) else {
            throw .badPrefix(AddressError.shown(text), limit: bits)
        }
        let free = bits - prefix
        let behind = free == 128 ? UInt128.max : (UInt128(1) << UInt128(free)) - 1
        guard value & behind == 0 else {
            throw .bitsBehindPrefix(AddressError.shown(text))
        }
        self.last = NetworkAddress(rawValue: value | behind)
    }

    /// The same range for comparison with ``NetworkAddress/limited``: of a version 6 address only the network counts.
    package var limited: AddressRange { AddressRange(first: self.first.limited, last: self.last.limited) }

    private init(first: NetworkAddress, last: NetworkAddress) { (self.first, self.last) = (first, last) }

    package func contains(_ address: NetworkAddress) -> Bool { self.first <= address && address <= self.last }
}
