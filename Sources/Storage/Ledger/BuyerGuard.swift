import TrancheCore

/// Enforces the per-buyer limit inside the ledger, as a second check behind the code above it. An entry counts what one
/// buyer has of one lot, in 24 to 48 bytes.
///
/// The entries follow from the journal alone and are independent of the unit's book. A keyed 64-bit hash stands for a
/// buyer. The probability that two of a million buyers have the same hash is 3 in 100 million. The ledger can then
/// refuse an order that it should accept, but it never accepts one that it must refuse.
struct BuyerGuard {
    struct Violation: Error {
        let order: OrderID
        let held: Int
        let limit: Int32

        func error(in path: String) -> StorageError {
            .constraint(
                path: path,
                detail: "buyer_limit: order \(self.order): the buyer holds \(self.held), \(self.limit) are allowed")
        }
    }

    private struct Entry {
        let key: UInt64
        var quantity: Int32
    }
    private var index = HashIndex()
    private var entries: [Entry] = []
    /// The changes of the current batch, which are reversed if the batch is not committed.
    private var undo: [(row: Int, quantity: Int32)] = []

    /// Counts what an entry of the journal changes, or refuses the entry.
    mutating func enforce(_ entry: LedgerEntry) throws(Violation) {
        switch entry {
        case .reserved(let order), .revived(let order, _): try self.hold(order)
        case .allocated(let order, _) where order.state == .reserved: try self.hold(order)
        case .released(let order, _): try self.unhold(order)
        default: break
        }
    }

    private mutating func hold(_ order: Order) throws(Violation) {
        let row = self.row(of: Self.key(order.lot, order.buyer))
        let held = self.entries[row].quantity
        guard held >= 0, Int(held) + Int(order.quantity) <= Int(order.buyerLimit) else {
            throw Violation(order: order.id, held: Int(held), limit: order.buyerLimit)
        }
        self.undo.append((row, held))
        self.entries[row].quantity = held + order.quantity
    }

    private mutating func unhold(_ order: Order) throws(Violation) {
        let row = self.row(of: Self.key(order.lot, order.buyer))
        let held = self.entries[row].quantity
        guard held >= order.quantity else { throw Violation(order: order.id, held: Int(held), limit: 0) }
        self.undo.append((row, held))
        self.entries[row].quantity = held - order.quantity
    }

    mutating func keepChanges() { self.undo.removeAll(keepingCapacity: true) }

    mutating func rollback() {
        for (row, quantity) in self.undo.reversed() { self.entries[row].quantity = quantity }
        self.keepChanges()
    }

    /// Swift's hashes have a random key in each process, so that buyers' names with equal hashes cannot be chosen.
    private static func key(_ lot: LotID, _ buyer: BuyerID) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(lot.rawValue)
        hasher.combine(buyer)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The row of the key; added if there is none.
    private mutating func row(of key: UInt64) -> Int {
        if let row = self.index.find(hash: key, { self.entries[$0].key == key }) { return row }
        self.entries.append(Entry(key: key, quantity: 0))
        let entries = self.entries
        self.index.insert(entries.count - 1, hash: key) { entries[$0].key }
        return entries.count - 1
    }
}
