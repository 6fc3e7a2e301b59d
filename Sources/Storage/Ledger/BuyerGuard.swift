import TrancheCore

/// Holds the per-buyer limit, whatever the code above the ledger says: what each buyer has of each lot, in 12 bytes.
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

    private var keys: [UInt64] = []
    private var quantities: [Int32] = []
    private var count = 0
    /// What the batch that is being written has changed, to be taken back if it is not committed.
    private var undo: [(key: UInt64, quantity: Int32)] = []

    mutating func hold(_ order: Order) throws(Violation) {
        let key = Self.key(order.lot, order.buyer)
        let slot = self.slot(of: key)
        let held = self.quantities[slot]
        guard held >= 0, Int(held) + Int(order.quantity) <= Int(order.buyerLimit) else {
            throw Violation(order: order.id, held: Int(held), limit: order.buyerLimit)
        }
        self.undo.append((key, held))
        self.quantities[slot] = held + order.quantity
    }

    mutating func unhold(_ order: Order) throws(Violation) {
        let key = Self.key(order.lot, order.buyer)
        let slot = self.slot(of: key)
        let held = self.quantities[slot]
        guard held >= order.quantity else { throw Violation(order: order.id, held: Int(held), limit: 0) }
        self.undo.append((key, held))
        self.quantities[slot] = held - order.quantity
    }

    mutating func commit() { self.undo.removeAll(keepingCapacity: true) }

    mutating func rollback() {
        for (key, quantity) in self.undo.reversed() { self.quantities[self.slot(of: key)] = quantity }
        self.commit()
    }

    /// Swift's hashes are keyed anew in each process: nobody can choose buyers that collide.
    private static func key(_ lot: LotID, _ buyer: BuyerID) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(lot.rawValue)
        hasher.combine(buyer)
        return max(1, UInt64(bitPattern: Int64(hasher.finalize())))
    }

    /// The slot of a key, made if need be; 0 marks a free one.
    private mutating func slot(of key: UInt64) -> Int {
        if (self.count + 1) * 2 > self.keys.count { self.grow() }
        let slot = self.find(key)
        if self.keys[slot] == 0 {
            self.keys[slot] = key
            self.count += 1
        }
        return slot
    }

    private func find(_ key: UInt64) -> Int {
        let mask = self.keys.count - 1
        var slot = Int(truncatingIfNeeded: key) & mask
        while self.keys[slot] != 0, self.keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let (oldKeys, oldQuantities) = (self.keys, self.quantities)
        let size = max(64, oldKeys.count * 2)
        self.keys = [UInt64](repeating: 0, count: size)
        self.quantities = [Int32](repeating: 0, count: size)
        for (key, quantity) in zip(oldKeys, oldQuantities) where key != 0 {
            let slot = self.find(key)
            self.keys[slot] = key
            self.quantities[slot] = quantity
        }
    }
}
