extension UnitBook {
    /// Everything that a book consists of; the rest follows from it. For a snapshot, which saves a start most of the journal.
    package struct Parts: Sendable {
        package var incarnation = Incarnation(0)
        package var generation = Generation(1)
        package var accounts: [Account: QuotaCounters] = [:]
        package var orders = OrderTable()
        package var refused: [OrderID: FinalRefusal] = [:]
        package var money: [OrderID: OrderMoney] = [:]
        package var doubts: Set<OrderID> = []
        package var lotsEverSoldOut: Set<LotID> = []
        package var contests: [LotID: [Candidate]] = [:]
        package var allocations: Set<OrderID> = []
        package var ceiling = Stamp.zero
        package var nonce: UInt64 = 0
        package var redis: RedisRun?
        package var archived: [LotID: ArchivedLot] = [:]
        package var branches: [LotID: [Branch]] = [:]

        package init() {}
    }

    package var parts: Parts {
        var parts = Parts()
        (parts.incarnation, parts.generation, parts.accounts) = (self.incarnation, self.generation, self.accounts)
        (parts.orders, parts.refused, parts.money) = (self.orders, self.refused, self.money)
        parts.doubts = self.doubts
        (parts.lotsEverSoldOut, parts.contests) = (self.lotsEverSoldOut, self.contests)
        (parts.allocations, parts.ceiling, parts.nonce) = (self.allocations, self.ceiling, self.nonce)
        (parts.redis, parts.archived, parts.branches) = (self.redis, self.archived, self.branches)
        return parts
    }

    package init(_ parts: Parts) {
        self.init()
        (self.incarnation, self.generation, self.accounts) = (parts.incarnation, parts.generation, parts.accounts)
        (self.orders, self.refused, self.money) = (parts.orders, parts.refused, parts.money)
        self.doubts = parts.doubts
        (self.lotsEverSoldOut, self.contests) = (parts.lotsEverSoldOut, parts.contests)
        (self.allocations, self.ceiling, self.nonce) = (parts.allocations, parts.ceiling, parts.nonce)
        (self.redis, self.archived, self.branches) = (parts.redis, parts.archived, parts.branches)
        for row in 0..<self.orders.count {
            let order = self.orders.order(at: row)
            switch order.state {
            case .reserved, .paid:
                self.held.change(by: Int(order.quantity), order.buyer, order.lot, order: row, in: self.orders)
            case .contested:
                self.held.change(by: 0, order.buyer, order.lot, order: row, in: self.orders)
                self.contestedByBuyer[order.lot, default: [:]][order.buyer, default: 0] += Int(order.quantity)
                guard order.generation == self.generation else { continue }  // The queue of its generation is gone.
                self.undecided[order.lot, default: QuantityCounts()].add(1, of: Int(order.quantity))
            case .cancelled, .expired, .lost:
                // Whoever had an order here stays here.
                self.held.change(by: 0, order.buyer, order.lot, order: row, in: self.orders)
            }
        }
    }
}
