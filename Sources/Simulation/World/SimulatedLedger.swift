import TrancheCore

/// A unit's disk: durable entries, in commits, with a hash chain. The file can be set back to a backup.
///
/// A nonce takes the place of the nonce before it: the file proves only the last heads that were replaced. It keeps fewer
/// of them than the real one: as many as the protocol needs.
struct SimulatedLedger {
    let id: LedgerID
    /// Replaced heads that the file proves.
    let replacedLimit: Int
    private(set) var entries: [LedgerEntry] = []
    private(set) var digests: [UInt64] = []
    private(set) var incarnation = Incarnation(0)
    /// A ceiling beside the entries, which the next commit takes in.
    private var ceiling: Stamp?
    /// Whether the last commit was a nonce and no more: the next one replaces it.
    private var endsWithNonce = false
    /// Positions of nonces that were replaced since the last other commit; and those that the file cannot prove any more.
    private var replaced: [Int] = []
    private var forgotten: Set<Int> = []

    init(id: LedgerID, replacedLimit: Int = 3) { (self.id, self.replacedLimit) = (id, replacedLimit) }

    var head: LedgerHead { self.head(at: UInt64(self.entries.count))! }

    func head(at position: UInt64) -> LedgerHead? {
        guard position <= UInt64(self.entries.count), !self.forgotten.contains(Int(position)) else { return nil }
        guard position > 0 else { return .empty }
        return LedgerHead(position: position, digest: ChainDigest(high: 0, low: self.digests[Int(position) - 1]))
    }

    var book: UnitBook {
        var book = UnitBook()
        for entry in self.entries { book.apply(entry) }
        if let ceiling { book.apply(.ceiling(ceiling)) }
        return book
    }

    /// Makes the batch durable, unless a newer incarnation owns the ledger.
    mutating func commit(_ batch: [LedgerEntry], as incarnation: Incarnation) -> Bool {
        guard incarnation >= self.incarnation else { return false }
        self.incarnation = incarnation
        let isHeartbeat = batch.allSatisfy(\.isHeartbeat)
        for case .ceiling(let stamp) in batch where isHeartbeat { self.ceiling = stamp }
        var batch = isHeartbeat ? batch.filter { if case .nonce = $0 { true } else { false } } : batch
        guard !batch.isEmpty else { return true }
        self.replaceNonce(isHeartbeat)
        if let ceiling { batch.insert(.ceiling(ceiling), at: 0) }
        self.ceiling = nil
        for entry in batch {
            self.entries.append(entry)
            var digest = Digest(start: self.digests.last ?? 0)
            digest.mix(entry)
            self.digests.append(digest.value)
        }
        return true
    }

    private mutating func replaceNonce(_ isHeartbeat: Bool) {
        if isHeartbeat, self.endsWithNonce {
            self.replaced.append(self.entries.count)
            if self.replaced.count > self.replacedLimit { self.forgotten.insert(self.replaced.removeFirst()) }
        } else {
            self.replaced = []
        }
        self.endsWithNonce = isHeartbeat
    }

    /// Sets the file back to its first `count` entries. Returns the lost entries.
    mutating func restore(count: Int) -> [LedgerEntry] {
        let lost = Array(self.entries.suffix(from: count))
        self.entries.removeLast(lost.count)
        self.digests.removeLast(lost.count)
        (self.ceiling, self.endsWithNonce, self.replaced) = (nil, false, [])
        self.forgotten = self.forgotten.filter { $0 < count }
        self.incarnation = self.book.incarnation
        return lost
    }
}
