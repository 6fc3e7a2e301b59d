package import TrancheCore

// What the ledgers say of orders, for a comparison with the book of whoever was told of them.

extension Verifier {
    /// Every order that a shop hears of with the usual kinds of events. Losers of a contest are not among them.
    package var bookedOrders: [OrderID: BookedOrder] {
        var orders: [OrderID: BookedOrder] = [:]
        for unit in self.units {
            for (id, sold) in unit.orders {
                orders[id] = BookedOrder(state: sold.state.name, payment: sold.payment?.rawValue)
            }
            for (id, contested) in unit.contested where unit.orders[id] == nil {
                // It still waits, or has lost: neither is told. Whatever else ended it is told as its buyer's wish.
                guard contested.state != .contested, contested.state != .lost else { continue }
                orders[id] = BookedOrder(state: OrderState.cancelled.name)
            }
        }
        var refunds: [OrderID: Set<String>] = [:]
        for refund in self.units.flatMap(\.refunds) {
            refunds[refund.order, default: []].insert(refund.payment.rawValue)
        }
        for (id, payments) in refunds {
            let order = orders[id] ?? BookedOrder(state: BookedOrder.unheard)
            orders[id] = BookedOrder(state: order.state, payment: order.payment, refunds: payments)
        }
        return orders
    }
}
