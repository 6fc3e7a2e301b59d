package import TrancheCore

/// What a book says of one order.
package struct BookedOrder: Hashable, Sendable {
    /// `reserved`, `paid`, `expired` or `cancelled`; `unheard` for an order of which only a refund is known.
    package let state: String
    /// The payment that was taken for it.
    package let payment: String?
    /// Payments to give back.
    package let refunds: Set<String>

    package static let unheard = "unheard"

    package init(state: String, payment: String? = nil, refunds: Set<String> = []) {
        (self.state, self.payment, self.refunds) = (state, payment, refunds)
    }
}

/// A payment as its provider has it.
package struct ProviderPayment: Hashable, Sendable {
    package let order: OrderID
    package let payment: String
    /// Whether the unit took it. If not, it owes it back.
    package let isTaken: Bool
    package init(order: OrderID, payment: String, isTaken: Bool) {
        (self.order, self.payment, self.isTaken) = (order, payment, isTaken)
    }
}

/// The ledgers of all units beside the shop's own book, order by order, and what the payment provider was told.
package struct BookComparison: Hashable, Sendable, Codable {
    /// One line of the table: orders in a state, or payments to give back.
    package struct Row: Hashable, Sendable, Codable {
        package let name: String
        package let ledgers: Int
        package let shop: Int
        /// Of them, the same ones in both.
        package let both: Int
        /// Payments of which the provider was told so; it may have missed an answer. `nil` where it has no say.
        package var provider: Int?
    }
    package let rows: [Row]
    /// Orders of which ledgers and shop do not say the same, and payments of which the provider was told something else.
    package let differences: Int
    package let findings: [String]
    package var isEqual: Bool { self.differences == 0 }

    /// Findings that are kept; the first ones show the cause.
    static let findingsLimit = 5
    private static let states = ["reserved", "paid", "expired", "cancelled", BookedOrder.unheard]

    package init(
        ledgers: [OrderID: BookedOrder], shop: [OrderID: BookedOrder], provider: [ProviderPayment] = []
    ) {
        let others = Set(shop.values.map(\.state)).subtracting(Self.states).sorted()
        var rows =
            (Self.states + others).map { state in
                Row(
                    name: state, ledgers: ledgers.values.count { $0.state == state },
                    shop: shop.values.count { $0.state == state },
                    both: ledgers.count {
                        $0.value.state == state && shop[$0.key]?.state == state
                            && shop[$0.key]?.payment == $0.value.payment
                    })
            }.filter { $0.ledgers + $0.shop > 0 } + [
                Row(
                    name: "refunds due", ledgers: ledgers.values.reduce(0) { $0 + $1.refunds.count },
                    shop: shop.values.reduce(0) { $0 + $1.refunds.count },
                    both: ledgers.reduce(0) { $0 + $1.value.refunds.intersection(shop[$1.key]?.refunds ?? []).count })
            ]
        for index in rows.indices where rows[index].name == OrderState.paid.name || index == rows.count - 1 {
            let isPaid = index < rows.count - 1
            rows[index].provider = provider.count { $0.isTaken == isPaid }
        }
        self.rows = rows
        let untrue = provider.filter { !Self.isTrue($0, ledgers[$0.order]) }
        let different = Set(ledgers.keys).union(shop.keys).filter { ledgers[$0] != shop[$0] }.sorted()
        self.differences = different.count + untrue.count
        let findings =
            different.prefix(Self.findingsLimit).map { order in
                "order \(order): the ledgers say \(Self.text(ledgers[order])), the shop says \(Self.text(shop[order]))"
            }
            + untrue.prefix(Self.findingsLimit).map { one in
                "order \(one.order): the provider was told that \(one.payment) is \(one.isTaken ? "taken" : "owed"), "
                    + "the ledgers say \(Self.text(ledgers[one.order]))"
            }
        self.findings = Array(findings.prefix(Self.findingsLimit))
    }

    /// An order is paid by one payment, so that it is paid makes no other payment true. And what is taken is not owed as well.
    private static func isTrue(_ one: ProviderPayment, _ order: BookedOrder?) -> Bool {
        guard let order else { return false }
        let isOwed = order.refunds.contains(one.payment)
        guard one.isTaken else { return isOwed }
        return order.state == OrderState.paid.name && order.payment == one.payment && !isOwed
    }

    private static func text(_ order: BookedOrder?) -> String {
        guard let order else { return "nothing" }
        let state = order.payment.map { "\(order.state) with \($0)" } ?? order.state
        guard !order.refunds.isEmpty else { return state }
        return "\(state), refunds due: \(order.refunds.sorted().joined(separator: ", "))"
    }
}
