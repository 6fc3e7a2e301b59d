/// A lot whose orders have left the book for a file of their own: what the ledger keeps of them.
package struct ArchivedLot: Hashable, Sendable {
    package let lot: LotID
    /// Orders in the file, in any final state.
    package let orders: Int
    /// Covers every order in the file.
    package let digest: ChainDigest

    package init(lot: LotID, orders: Int, digest: ChainDigest) {
        (self.lot, self.orders, self.digest) = (lot, orders, digest)
    }
}

extension UnitBook {
    /// Takes the orders of a lot out. Its counters stay: they are what the unit has sold. No buyer holds anything of it any
    /// more, because nothing of it can be bought.
    mutating func archive(_ archived: ArchivedLot) {
        var parts = self.parts
        parts.orders = OrderTable()
        for row in 0..<self.orders.count {
            let order = self.orders.order(at: row)
            if order.lot == archived.lot {
                parts.allocations.remove(order.id)
            } else {
                parts.orders.set(order)
                if let payment = self.orders.payment(at: row) { parts.orders.pay(order.id, payment) }
            }
        }
        if parts.contests[archived.lot] != nil { parts.contests[archived.lot] = [] }
        parts.archived[archived.lot] = archived
        let refundChanges = self.refundChanges
        self = UnitBook(parts)
        self.refundChanges = refundChanges
    }
}

extension OrderTable {
    /// How many orders a lot has, if none of them can change any more; `nil` while one is reserved or contested.
    package func finalCount(of lot: LotID) -> Int? {
        guard self.hasOrders(of: lot) else { return 0 }
        var count = 0
        for row in 0..<self.count {
            let order = self.order(at: row)
            guard order.lot == lot else { continue }
            switch order.state {
            case .reserved, .contested: return nil
            case .paid, .cancelled, .expired, .lost: count += 1
            }
        }
        return count
    }
}
