import Storage
import TrancheCore

extension UnitEvidence {
    /// A snapshot must say what the journal up to its position says: a unit starts from it.
    mutating func compare(_ snapshot: LedgerSnapshot) {
        let parts = snapshot.parts
        func check(_ isRight: Bool, _ invariant: String, _ what: String) {
            if !isRight {
                self.addFinding(
                    invariant, "the snapshot at position \(snapshot.head.position) has other \(what) than the journal")
            }
        }
        check(parts.incarnation == self.incarnation, "I7", "incarnations")
        check(parts.generation == self.generation, "I6", "generations")
        var sums: [Account: Sums] = [:]
        for (account, counters) in parts.accounts {
            sums[Account(lot: account.lot, generation: account.generation)] = Sums(
                granted: counters.granted, allocated: counters.allocated, returned: counters.returned,
                sold: counters.sold, cancelled: counters.cancelled)
        }
        check(sums == self.sums, "I2", "counters")
        check(Set(parts.refused.keys) == self.refused, "I5", "refusals")
        let refunds = Set(parts.money.values.flatMap(\.refunds).map(\.order))
        check(refunds == Set(self.refunds.map(\.order)), "I4", "refunds")
        let known = Set(self.orders.keys).union(self.contested.keys).subtracting(self.archivedOrders)
        check(parts.orders.count == known.count, "I4", "orders")
        for order in parts.orders {
            let state = self.orders[order.id]?.state ?? self.contested[order.id]?.state
            let fact = self.orders[order.id]?.order ?? self.contested[order.id]?.order
            guard state == order.state, fact?.buyer == order.buyer, fact?.quantity == order.quantity,
                fact?.lot == order.lot, fact?.stamp == order.stamp
            else { return check(false, "I4", "an order \(order.id)") }
        }
    }
}
