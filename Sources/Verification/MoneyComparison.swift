package import TrancheAPI
package import TrancheCore

/// What the ledgers have of the money of one order.
package struct BookedMoney: Hashable, Sendable {
    package struct Refund: Hashable, Sendable {
        package let payment: String
        /// In minor units; `nil`: the whole payment, whatever it was.
        package let amount: Int64?
        package let isDone: Bool
        /// Whether a person has to look: it is of an order that the ledger does not know, and no unit has it carried out.
        package let isListed: Bool
        package init(payment: String, amount: Int64?, isDone: Bool, isListed: Bool = false) {
            (self.payment, self.amount, self.isDone, self.isListed) = (payment, amount, isDone, isListed)
        }
    }
    /// By the payment's id, in minor units; `nil` where the ledger was told of no amount.
    package var payments: [String: Int64?]
    /// By the refund's key.
    package var refunds: [String: Refund]
    /// What the order costs, if it is paid, or else 0: so much of the payments is kept. `nil` for an order that has no
    /// price.
    package var kept: Int64?

    package init(payments: [String: Int64?] = [:], refunds: [String: Refund] = [:], kept: Int64? = 0) {
        (self.payments, self.refunds, self.kept) = (payments, refunds, kept)
    }
}

/// One payment as the provider's own book has it.
package struct ProviderEntry: Hashable, Sendable {
    package let charge: ChargeDocument
    package let refunds: [RefundDocument]
    package init(charge: ChargeDocument, refunds: [RefundDocument]) { (self.charge, self.refunds) = (charge, refunds) }
}

/// The ledgers of all units beside the payment provider's own book, payment by payment and to the minor unit. All
/// amounts are in one currency.
package struct MoneyComparison: Hashable, Sendable, Codable {
    /// One line of the table: numbers of acts, and what they add up to.
    package struct Row: Hashable, Sendable, Codable {
        package let name: String
        package let ledgers: Int
        package let ledgerAmount: Int64
        package let provider: Int
        package let providerAmount: Int64
    }
    package let rows: [Row]
    /// Orders of which both do not have the same money.
    package let differences: Int
    package let findings: [String]
    package var isEqual: Bool { self.differences == 0 }
    /// Findings that are kept; the first ones show the cause.
    static let findingsLimit = 5

    package init(ledgers: [OrderID: BookedMoney], provider: [ProviderEntry]) {
        var there: [OrderID: [ProviderEntry]] = [:]
        for entry in provider { there[entry.charge.order, default: []].append(entry) }
        var (differences, findings) = (0, [String]())
        for order in Set(ledgers.keys).union(there.keys).sorted() {
            let wrong = Self.differences(ledgers[order] ?? BookedMoney(), there[order] ?? [])
            guard let first = wrong.first else { continue }
            differences += 1
            if findings.count < Self.findingsLimit { findings.append("order \(order): \(first)") }
        }
        (self.differences, self.findings) = (differences, findings)
        self.rows = Self.rows(ledgers, provider, there)
    }

    private static func rows(
        _ ledgers: [OrderID: BookedMoney], _ provider: [ProviderEntry], _ there: [OrderID: [ProviderEntry]]
    ) -> [Row] {
        let done = provider.flatMap(\.refunds).filter { $0.state == .done }
        let (payments, refunds) = (ledgers.values.flatMap(\.payments), ledgers.values.flatMap(\.refunds))
        let given = ledgers.values.reduce(0) { sum, money in
            sum + money.refunds.values.filter(\.isDone).reduce(0) { $0 + (money.amount(of: $1) ?? 0) }
        }
        let left = there.map { order, entries in
            (ledgers[order] ?? BookedMoney()).left(of: entries)
        }
        return [
            Row(
                name: "payments", ledgers: payments.count, ledgerAmount: payments.reduce(0) { $0 + ($1.value ?? 0) },
                provider: provider.count, providerAmount: provider.reduce(0) { $0 + $1.charge.amount }),
            Row(
                name: "refunds", ledgers: refunds.count { $0.value.isDone }, ledgerAmount: given,
                provider: done.count, providerAmount: done.reduce(0) { $0 + $1.amount }),
            Row(
                name: "kept for paid orders", ledgers: ledgers.values.count { $0.kept.map { $0 > 0 } ?? true },
                ledgerAmount: ledgers.values.reduce(0) { $0 + ($1.kept ?? 0) }, provider: left.count { $0 > 0 },
                providerAmount: left.reduce(0, +)),
        ]
    }

    private static func differences(_ money: BookedMoney, _ entries: [ProviderEntry]) -> [String] {
        var wrong: [String] = []
        let charges = Dictionary(entries.map { ($0.charge.payment.rawValue, $0.charge) }) { one, _ in one }
        for (payment, amount) in money.payments {
            guard let charge = charges[payment] else {
                wrong.append("the ledgers have payment \(payment), and the provider has not")
                continue
            }
            if let amount, amount != charge.amount {
                wrong.append("payment \(payment) is \(amount) in the ledgers, and \(charge.amount) at the provider")
            }
        }
        for payment in charges.keys where money.payments[payment] == nil {
            wrong.append("the provider has payment \(payment), and the ledgers have not")
        }
        let refunds = entries.flatMap(\.refunds)
        for (key, refund) in money.refunds {
            let mine = refunds.filter { $0.key == key && $0.state == .done }
            if refund.isListed, !refund.isDone, mine.isEmpty { continue }
            guard refund.isDone, mine.count == 1 else {
                wrong.append(
                    "\(key) is \(refund.isDone ? "done" : "due") in the ledgers, and \(mine.count) times done there")
                continue
            }
            if let amount = money.amount(of: refund),
                amount != mine[0].amount || refund.payment != mine[0].payment.rawValue
            {
                wrong.append("\(key) gave back \(amount) in the ledgers, and \(mine[0].amount) at the provider")
            }
        }
        for refund in refunds where money.refunds[refund.key] == nil {
            wrong.append("the provider has \(refund.key), and the ledgers have not")
        }
        let left = money.left(of: entries)
        if let kept = money.kept, left != kept {
            wrong.append("the ledgers keep \(kept), and the provider has \(left)")
        }
        return wrong.sorted()
    }
}

extension BookedMoney {
    /// What a refund gives back, as far as the ledgers know.
    fileprivate func amount(of refund: Refund) -> Int64? { refund.amount ?? self.payments[refund.payment] ?? nil }

    /// What the provider keeps, without what is listed for a person: unless another unit has the order, and counts that money.
    fileprivate func left(of entries: [ProviderEntry]) -> Int64 {
        let left = entries.reduce(Int64(0)) { $0 + $1.charge.amount - $1.back }
        let listed = self.refunds.values.reduce(Int64(0)) { sum, refund in
            guard refund.isListed, !refund.isDone else { return sum }
            let charge = entries.first { $0.charge.payment.rawValue == refund.payment }?.charge
            return sum + (self.amount(of: refund) ?? charge?.amount ?? 0)
        }
        guard listed > 0 else { return left }
        return max(min(left, self.kept ?? 0), left - listed)
    }
}

extension ProviderEntry {
    /// What was given back.
    fileprivate var back: Int64 { self.refunds.filter { $0.state == .done }.reduce(0) { $0 + $1.amount } }
}
