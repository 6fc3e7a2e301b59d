/// The items that each buyer holds of each lot: 12 bytes each, keyed by one of the buyer's orders. A buyer whose orders
/// have ended holds none, and keeps the entry.
struct BuyerTally: Sendable {
    private var index = HashIndex()
    /// A row in the table of orders (for the buyer and the lot), the quantity, and the hash. Without the stored hash,
    /// growth of the index would hash a hundred thousand names again and delay all requests for 40 ms.
    private var entries: [(order: UInt32, quantity: Int32, hash: UInt32)] = []

    func quantity(_ buyer: BuyerID, _ lot: LotID, in orders: OrderTable) -> Int {
        self.find(buyer, lot, orders).map { Int(self.entries[$0].quantity) } ?? 0
    }

    func hasOrder(of buyer: BuyerID, _ lot: LotID, in orders: OrderTable) -> Bool {
        self.find(buyer, lot, orders) != nil
    }

    /// - Parameter row: The row of an order of this buyer for this lot.
    mutating func change(by quantity: Int, _ buyer: BuyerID, _ lot: LotID, order row: Int, in orders: OrderTable) {
        if let entry = self.find(buyer, lot, orders) {
            self.entries[entry].quantity += Int32(quantity)
            return
        }
        let hash = Self.hash(buyer, lot)
        self.entries.append((UInt32(row), Int32(quantity), hash))
        let entries = self.entries
        self.index.insert(entries.count - 1, hash: HashIndex.mix(UInt64(hash))) {
            HashIndex.mix(UInt64(entries[$0].hash))
        }
    }

    /// Buyers with at least one item.
    func holders(in orders: OrderTable) -> [LotID: [BuyerID: Int]] {
        var found: [LotID: [BuyerID: Int]] = [:]
        for entry in self.entries where entry.quantity > 0 {
            let order = orders.order(at: Int(entry.order))
            found[order.lot, default: [:]][order.buyer] = Int(entry.quantity)
        }
        return found
    }

    private func find(_ buyer: BuyerID, _ lot: LotID, _ orders: OrderTable) -> Int? {
        self.index.find(hash: HashIndex.mix(UInt64(Self.hash(buyer, lot)))) {
            orders.holds(Int(self.entries[$0].order), buyer: buyer, lot: lot)
        }
    }

    /// The key is drawn in each process, so that buyers cannot choose names that collide.
    private static func hash(_ buyer: BuyerID, _ lot: LotID) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(buyer)
        hasher.combine(lot.rawValue)
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }
}
