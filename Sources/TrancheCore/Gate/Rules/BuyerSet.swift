/// Many buyers, as hashes of 8 bytes: 8 MB for a million.
///
/// A buyer in the list is always found. A buyer who is not in it is found by accident with a probability of one in 10^13
/// for a list of a million, and nobody can look for such a name without the key.
package struct BuyerSet: Hashable, Sendable {
    private let hash: SipHash
    /// In order, each once.
    private let hashes: [UInt64]

    /// - Parameters:
    ///   - buyers: At most ``Limits/listEntries``.
    ///   - hash: With a secret key of the installation or of the process.
    package init(_ buyers: some Collection<BuyerID> = [], hash: SipHash) {
        precondition(buyers.count <= Limits.listEntries, "a list of \(buyers.count) buyers")
        var hashes: [UInt64] = []
        hashes.reserveCapacity(buyers.count)
        for buyer in buyers { hashes.append(hash.hash(buyer)) }
        self.init(hashes: hashes, hash: hash)
    }

    /// - Parameter hashes: Made with the same key, in any order.
    package init(hashes: [UInt64], hash: SipHash) {
        var sorted = hashes
        sorted.sort()
        var kept = 0
        for index in sorted.indices where index == 0 || sorted[index] != sorted[kept - 1] {
            sorted[kept] = sorted[index]
            kept += 1
        }
        sorted.removeSubrange(kept...)
        self.hashes = sorted
        self.hash = hash
    }

    package var count: Int { self.hashes.count }
    /// Bytes of memory for the entries.
    package var bytes: Int { self.hashes.capacity * MemoryLayout<UInt64>.stride }

    package func contains(_ buyer: BuyerID) -> Bool { self.contains(hash: self.hash.hash(buyer)) }

    package func contains(hash: UInt64) -> Bool {
        var (low, high) = (0, self.hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if self.hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low < self.hashes.count && self.hashes[low] == hash
    }
}
