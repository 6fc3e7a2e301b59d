import TrancheCore

/// A unit's disk: entries that survive, in commits, with a hash chain; and the file may be set back to a backup.
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

    /// Appends, unless a newer incarnation has the ledger.
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

    /// Sets the file back to what it was at `count` entries. Returns what is lost.
    mutating func restore(count: Int) -> [LedgerEntry] {
        let lost = Array(self.entries.suffix(from: count))
        self.entries.removeLast(lost.count)
        self.digests.removeLast(lost.count)
        self.incarnation = self.book.incarnation
        return lost
    }
}

/// A unit's Redis: it survives the unit's process, and may be emptied or set back.
struct SimulatedRedis {
    var ledger: LedgerID?
    var witness: LedgerHead?
    var lots: [LotID: RedisLot] = [:]

    mutating func handle(_ call: LotCall, trusted: Bool) -> LotResult {
        guard var lot = self.lots[call.lot] else { return .lost }
        // A Redis that is trusted as the authority is not asked whether it went back.
        let asked = trusted ? call.blind : call
        let result = lot.handle(asked)
        self.lots[call.lot] = lot
        if case .decided = result { self.witness = call.witness }
        return result
    }

    mutating func handle(_ prime: LotPrime) -> LotResult {
        if let lot = self.lots[prime.lot], lot.fence > prime.fence { return .superseded }
        self.lots[prime.lot] = RedisLot(prime: prime)
        self.ledger = prime.ledger
        self.witness = prime.witness
        return .primed
    }

    var admitted: [BuyRequest] {
        self.lots.keys.sorted().flatMap { self.lots[$0]!.queue.map(\.request) }
    }
}

extension LotCall {
    fileprivate var blind: LotCall {
        LotCall(
            lot: self.lot, fence: self.fence, sequence: 0, buyerLimit: self.buyerLimit, releases: self.releases,
            credit: self.credit, reclaimKeep: self.reclaimKeep, requests: self.requests, witness: self.witness,
            committed: self.committed)
    }
}

/// FNV-1a: a fingerprint of a run, to see that the same seed repeats it.
package struct Digest: Sendable {
    package private(set) var value: UInt64
    package init(start: UInt64 = 0) { self.value = start ^ 0xcbf2_9ce4_8422_2325 }
    package mutating func mix(_ text: String) {
        for byte in text.utf8 { self.value = (self.value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    package mutating func mix(_ number: Int64) { self.mix(UInt64(bitPattern: number)) }
    package mutating func mix(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x100_0000_01b3
        self.value ^= self.value >> 29
    }

    mutating func mix(_ entry: LedgerEntry) {
        switch entry {
        case .opened(let incarnation): self.mix([1, incarnation.rawValue])
        case .generation(let generation): self.mix([2, UInt64(generation.rawValue)])
        case .granted(let lot, let total): self.mix([3, UInt64(lot.rawValue), UInt64(total)])
        case .returned(let lot, let total): self.mix([4, UInt64(lot.rawValue), UInt64(total)])
        case .reserved(let order): self.mix([5, order.id.high, order.id.low, order.stamp.rawValue])
        case .confirmed(let order, _): self.mix([6, order.id.high, order.id.low])
        case .released(let order, let state): self.mix([7, order.id.high, order.id.low, UInt64(state.rawValue)])
        case .refused(let order, _, _): self.mix([8, order.high, order.low])
        case .refundDue(let order, _): self.mix([9, order.high, order.low])
        case .nonce(let nonce): self.mix([10, nonce])
        case .soldOut(let lot): self.mix([11, UInt64(lot.rawValue)])
        case .ceiling(let stamp): self.mix([12, stamp.rawValue])
        case .contended(let lot): self.mix([13, UInt64(lot.rawValue)])
        case .contested(let order, _): self.mix([14, order.id.high, order.id.low, order.stamp.rawValue])
        case .allocated(let order): self.mix([15, order.id.high, order.id.low, UInt64(order.state.rawValue)])
        case .lost(let order): self.mix([16, order.id.high, order.id.low, UInt64(order.state.rawValue)])
        }
    }

    private mutating func mix(_ words: [UInt64]) { for word in words { self.mix(word) } }
}
