import TrancheCore

/// A unit's disk: durable entries, in commits, with a hash chain. The file can be set back to a backup.
struct SimulatedLedger {
    let id: LedgerID
    private(set) var entries: [LedgerEntry] = []
    private(set) var digests: [UInt64] = []
    private(set) var incarnation = Incarnation(0)

    init(id: LedgerID) { self.id = id }

    var head: LedgerHead { self.head(at: UInt64(self.entries.count))! }

    func head(at position: UInt64) -> LedgerHead? {
        guard position <= UInt64(self.entries.count) else { return nil }
        guard position > 0 else { return .empty }
        return LedgerHead(position: position, digest: ChainDigest(high: 0, low: self.digests[Int(position) - 1]))
    }

    var book: UnitBook {
        var book = UnitBook()
        for entry in self.entries { book.apply(entry) }
        return book
    }

    /// Appends, unless a newer incarnation owns the ledger.
    mutating func append(_ batch: [LedgerEntry], as incarnation: Incarnation) -> Bool {
        guard incarnation >= self.incarnation else { return false }
        self.incarnation = incarnation
        for entry in batch {
            self.entries.append(entry)
            var digest = Digest(start: self.digests.last ?? 0)
            digest.mix(entry)
            self.digests.append(digest.value)
        }
        return true
    }

    /// Sets the file back to its first `count` entries. Returns the lost entries.
    mutating func restore(count: Int) -> [LedgerEntry] {
        let lost = Array(self.entries.suffix(from: count))
        self.entries.removeLast(lost.count)
        self.digests.removeLast(lost.count)
        self.incarnation = self.book.incarnation
        return lost
    }
}
