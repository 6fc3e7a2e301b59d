import TrancheCore

/// Holds the per-buyer limit, whatever the code above the ledger says: what each buyer has of each lot, in 24 to
/// 48 bytes.
///
/// A function of the journal: filled from it, and kept by the ledger itself, apart from the unit's own book. Buyers are
/// known by a keyed 64-bit hash; two of a million share one with a probability of 3 in 100 million, and then the
/// ledger refuses too much, never too little.
struct BuyerGuard {
    struct Violation: Error {
        let order: OrderID
        let held: Int
        let limit: Int32
    }

    private struct Entry {
        let key: UInt64
        var quantity: Int32
    }
    private var index = HashIndex()
    private var entries: [Entry] = []
    /// What the batch that is being written has changed, to be taken back if it is not committed.
    private var undo: [(row: Int, quantity: Int32)] = []

    mutating func hold(_ order: Order) throws(Violation) {
        let row = self.row(of: Self.key(order.lot, order.buyer))
        let held = self.entries[row].quantity
        guard held >= 0, Int(held) + Int(order.quantity) <= Int(order.buyerLimit) else {
            throw Violation(order: order.id, held: Int(held), limit: order.buyerLimit)
        }
        self.undo.append((row, held))
        self.entries[row].quantity = held + order.quantity
    }

    mutating func unhold(_ order: Order) throws(Violation) {
        let row = self.row(of: Self.key(order.lot, order.buyer))
        let held = self.entries[row].quantity
        guard held >= order.quantity else { throw Violation(order: order.id, held: Int(held), limit: 0) }
        self.undo.append((row, held))
        self.entries[row].quantity = held - order.quantity
    }

    mutating func commit() { self.undo.removeAll(keepingCapacity: true) }

    mutating func rollback() {
        for (row, quantity) in self.undo.reversed() { self.entries[row].quantity = quantity }
        self.commit()
    }

    /// Swift's hashes are keyed anew in each process: nobody can choose buyers that collide.
    private static func key(_ lot: LotID, _ buyer: BuyerID) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(lot.rawValue)
        hasher.combine(buyer)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Where the key is, made if need be.
    private mutating func row(of key: UInt64) -> Int {
        if let row = self.index.find(hash: key, { self.entries[$0].key == key }) { return row }
        self.entries.append(Entry(key: key, quantity: 0))
        let entries = self.entries
        self.index.insert(entries.count - 1, hash: key) { entries[$0].key }
        return entries.count - 1
    }
}
