/// Many ranges of addresses: 32 bytes each, found by binary search.
package struct AddressSet: Hashable, Sendable {
    /// The first and the last address of each range, in order. Ranges do not overlap or touch.
    private let firsts: [UInt128]
    private let lasts: [UInt128]

    package init(_ ranges: some Sequence<AddressRange> = []) {
        var firsts: [UInt128] = []
        var lasts: [UInt128] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let last = lasts.last, last == .max || range.first.rawValue <= last + 1 {
                lasts[lasts.count - 1] = max(last, range.last.rawValue)
            } else {
                firsts.append(range.first.rawValue)
                lasts.append(range.last.rawValue)
            }
        }
        (self.firsts, self.lasts) = (firsts, lasts)
    }

    /// Reads a list of ranges and single addresses.
    ///
    /// - Throws: ``AddressError`` with the first bad text; a list with one is refused whole.
    package init(texts: some Collection<some StringProtocol>) throws(AddressError) {
        guard texts.count <= Limits.listEntries else { throw .tooMany(texts.count, limit: Limits.listEntries) }
        var ranges: [AddressRange] = []
        ranges.reserveCapacity(texts.count)
        for text in texts { ranges.append(try AddressRange(text: text)) }
        self.init(ranges)
    }

    /// Ranges after those that touch were joined.
    package var count: Int { self.firsts.count }

    package func contains(_ address: NetworkAddress) -> Bool {
        // The number of ranges that begin at the address or before it.
        var (low, high) = (0, self.firsts.count)
        while low < high {
            let middle = (low + high) / 2
            if self.firsts[middle] <= address.rawValue { low = middle + 1 } else { high = middle }
        }
        return low > 0 && address.rawValue <= self.lasts[low - 1]
    }
}
