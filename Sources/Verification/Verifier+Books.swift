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

    /// The money of every order that the ledgers have, and of every payment for an order that they do not know.
    package var bookedMoney: [OrderID: BookedMoney] {
        var all: [OrderID: BookedMoney] = [:]
        // An order belongs to one unit; a payment for an unknown order may have come to another one.
        for unit in self.units {
            for (order, money) in unit.money.booked(unit.orders) {
                guard let known = all[order] else {
                    all[order] = money
                    continue
                }
                all[order]?.payments.merge(money.payments) { $1 ?? $0 }
                all[order]?.refunds.merge(money.refunds) { $0.isListed ? $1 : $0 }
                all[order]?.kept = max(known.kept ?? 0, money.kept ?? 0)
            }
        }
        return all
    }
}
