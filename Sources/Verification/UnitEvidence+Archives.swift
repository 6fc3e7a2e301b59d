import Storage
import TrancheCore

extension UnitEvidence {
    /// The archive of each lot must have what the journal says: its orders answer buyers.
    mutating func compareArchives() {
        var left = self.archivedOrders
        for archived in self.archived.values.sorted(by: { $0.lot < $1.lot }) {
            var wrong: OrderID?
            do throws(StorageError) {
                let found = try self.audit.archives.forEachOrder(archived.lot) { stored in
                    left.remove(stored.order.id)
                    if !self.agrees(stored) { wrong = wrong ?? stored.order.id }
                }
                if found != archived {
                    self.addFinding("I4", "the archive of lot \(archived.lot) is not the one that the ledger names")
                }
            } catch { self.addFinding("I4", "the archive of lot \(archived.lot): \(error)") }
            if let wrong { self.addFinding("I4", "the archive of lot \(archived.lot) has another order \(wrong)") }
        }
        if let missing = left.min() { self.addFinding("I4", "order \(missing) was archived, and is in no archive") }
    }

    private func agrees(_ stored: StoredOrder) -> Bool {
        let order = stored.order
        let state = self.orders[order.id]?.state ?? self.contested[order.id]?.state
        let fact = self.orders[order.id]?.order ?? self.contested[order.id]?.order
        return state == order.state && fact?.buyer == order.buyer && fact?.quantity == order.quantity
            && fact?.lot == order.lot && fact?.stamp == order.stamp
    }
}
