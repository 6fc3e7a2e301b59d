// What the provider's charges and refunds, and the payments in the ledgers, disagree about.

extension Reconciliation {
    /// What one list has of an order's charges and refunds, until something explains them.
    private struct Open {
        /// Charges that no refund names.
        var charged: [PaymentID: Int]
        /// Lines that name no payment stand for any of the order.
        var unnamedCharges: Int
        var unnamedRefunds: Int

        init(_ list: Listed) {
            self.charged = list.charged
            self.unnamedCharges = list.charges - list.charged.values.reduce(0, +)
            self.unnamedRefunds = list.refunds - list.refunded.values.reduce(0, +)
            for (payment, count) in list.refunded {
                let mine = min(count, list.charged[payment] ?? 0)
                self.charged[payment, default: 0] -= mine
                self.unnamedCharges -= min(count - mine, self.unnamedCharges)
            }
        }

        mutating func takeCharge(_ payment: PaymentID) -> Bool {
            guard let count = self.charged[payment], count > 0 else { return false }
            self.charged[payment] = count - 1
            return true
        }

        mutating func takeUnnamedCharge() -> Bool {
            guard self.unnamedCharges > 0 else { return false }
            self.unnamedCharges -= 1
            return true
        }

        mutating func takeUnnamedRefund() -> Bool {
            guard self.unnamedRefunds > 0 else { return false }
            self.unnamedRefunds -= 1
            return true
        }
    }

    /// The ledger knows a payment of each charge that was not given back, and the provider a charge of each payment.
    ///
    /// - Parameter kept: `nil` if no ledger has the order, but a payment of it that has to go back.
    func comparePayments(_ id: OrderID, _ kept: Kept?, into all: inout [Difference]) {
        guard self.hasProvider || self.provider[id] != nil else { return }
        let list = self.provider[id] ?? Listed(state: .open)
        var open = Open(list)
        let due = self.due[id] ?? []
        let payment = kept?.state == .paid ? kept?.payment : nil
        var isCharged = payment.map { open.takeCharge($0) } ?? false
        let isRefunded = payment.map { !isCharged && list.refunded[$0] != nil } ?? false
        var named = list.refunded
        var unnamed = 0
        var toGo = 0
        for one in due {
            if let count = named[one.payment], count > 0 {
                named[one.payment] = count - 1
                continue
            }
            toGo += 1
            if !open.takeCharge(one.payment) { unnamed += 1 }
        }
        // The names first: a line without one stands for what is left.
        if payment != nil, !isCharged, !isRefunded { isCharged = open.takeUnnamedCharge() }
        for _ in 0..<unnamed { _ = open.takeUnnamedCharge() }
        for _ in 0..<toGo { _ = open.takeUnnamedRefund() }
        self.findUnknownCharges(id, kept, &open, isKnown: payment != nil || !due.isEmpty, into: &all)
        guard let payment, let kept else { return }
        if isRefunded || open.takeUnnamedRefund() {
            self.findRefundOfPaid(id, kept, payment, into: &all)
        } else if !isCharged, self.hasProvider {
            all.append(
                Difference(
                    .notCharged, id, lot: kept.lot, unit: kept.unit, "the provider has no charge of payment \(payment)")
            )
        }
    }

    /// - Parameter isKnown: Whether a ledger has another payment of the order.
    private func findUnknownCharges(
        _ id: OrderID, _ kept: Kept?, _ open: inout Open, isKnown: Bool, into all: inout [Difference]
    ) {
        var charges: [String] = []
        for payment in open.charged.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            while open.takeCharge(payment) { charges.append("payment \(payment)") }
        }
        while open.takeUnnamedCharge() { charges.append("a payment without a name") }
        while !charges.isEmpty, open.takeUnnamedRefund() { charges.removeLast() }
        // What a replaced ledger has as paid was charged, too; nobody keeps under which name.
        let isPaidElsewhere = self.owed[id]?.order.state == .paid
        for charge in charges.dropLast(isPaidElsewhere ? 1 : 0) {
            let detail = "\(kept?.state.name ?? "unknown") here, and the provider charged \(charge)"
            let kind: Difference.Kind = isKnown || isPaidElsewhere ? .chargedUnknown : .toldNotPaid
            all.append(Difference(kind, id, lot: kept?.lot, unit: kept?.unit, detail))
        }
    }

    /// Only the shop can know why it gave the payment of a paid order back.
    private func findRefundOfPaid(_ id: OrderID, _ kept: Kept, _ payment: PaymentID, into all: inout [Difference]) {
        let shop = self.shop[id]?.state
        guard self.hasShop, shop != .refunded, shop != .refundDue else { return }
        all.append(
            Difference(
                .refundedUnknown, id, lot: kept.lot, unit: kept.unit,
                "payment \(payment) was given back by the provider, and the shop does not say so"))
    }

    func findRefunds(_ id: OrderID, _ due: [Due], into all: inout [Difference]) {
        // Without a list nobody says what was given back.
        guard self.hasProvider || self.hasShop else { return }
        let list = self.hasProvider ? self.provider[id] : self.shop[id]
        var named = list?.refunded ?? [:]
        // Lines that name no payment stand for any of the order.
        var unnamed = (list?.refunds ?? 0) - named.values.reduce(0, +)
        for one in due {
            if let count = named[one.payment], count > 0 {
                named[one.payment] = count - 1
            } else if unnamed > 0 {
                unnamed -= 1
            } else {
                all.append(
                    Difference(
                        .refundDue, id, lot: self.kept[id]?.lot, unit: one.unit,
                        "payment \(one.payment) was not given back", repair: .replay(one.event)))
            }
        }
    }

    /// A payment goes back once; an order's payments go back no more often than there were any.
    func findDoubleRefunds(_ id: OrderID, _ kept: Kept?, into all: inout [Difference]) {
        let payments = (self.due[id]?.count ?? 0) + (kept?.state == .paid ? 1 : 0)
        for (name, list) in [("shop", self.shop[id]), ("provider", self.provider[id])] {
            guard let list,
                list.refunds > max(1, payments, list.charges) || list.refunded.values.contains(where: { $0 > 1 })
            else { continue }
            all.append(
                Difference(
                    .refundedTwice, id, lot: kept?.lot, unit: kept?.unit,
                    "\(list.refunds) refunds at the \(name), and \(max(payments, list.charges)) payments"))
        }
    }
}
