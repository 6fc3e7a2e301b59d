import TrancheCore

/// The money of one ledger, recounted from its journal with separate arithmetic: nothing here calls the machines.
struct MoneyEvidence {
    private struct Account {
        /// The highest total of each payment.
        var received: [PaymentID: Money] = [:]
        var refunds: [Int: Refund] = [:]
        var done: Set<Int> = []
        /// The payment that completed the order, if nothing else says what came with it.
        var completing: PaymentID?
    }
    private var accounts: [OrderID: Account] = [:]
    /// Refunds that are due, and those that are done.
    private(set) var due = 0
    private(set) var done = 0
    private(set) var findings: [String] = []

    /// Takes the next entry in.
    mutating func take(_ entry: LedgerEntry) {
        switch entry {
        case .received(let id, let payment, _):
            let known = self.accounts[id]?.received[payment.id]
            if let known, known.currency != payment.amount.currency {
                self.addFinding(
                    "payment \(payment.id) of order \(id) is in \(known.currency) and \(payment.amount.currency)")
            }
            if payment.amount.minor > known?.minor ?? -1 {
                self.accounts[id, default: Account()].received[payment.id] = payment.amount
            }
        case .confirmed(let order, let payment), .revived(let order, let payment):
            guard !order.price.isNone else { return }
            self.accounts[order.id, default: Account()].completing = payment
        case .refundDue(let refund): self.owe(refund)
        case .refunded(let key):
            self.done += 1
            guard self.accounts[key.order]?.refunds[key.number] != nil else {
                return self.addFinding("\(key) is done, and was never due")
            }
            if self.accounts[key.order]?.done.insert(key.number).inserted == false {
                self.addFinding("\(key) was done twice")
            }
        default: break
        }
    }

    private mutating func owe(_ refund: Refund) {
        self.due += 1
        var account = self.accounts[refund.order] ?? Account()
        // Entries of earlier versions have no number.
        let number = refund.number > 0 ? refund.number : account.refunds.count + 1
        if number != account.refunds.count + 1 {
            self.addFinding("\(refund.key) follows \(account.refunds.count) refunds of its order")
        }
        account.refunds[number] = refund
        self.accounts[refund.order] = account
    }

    private mutating func addFinding(_ detail: String) { if self.findings.count < 5 { self.findings.append(detail) } }

    /// What every order has of its money must fit to its state.
    mutating func judge(_ orders: [OrderID: UnitEvidence.Sold]) {
        for (id, account) in self.accounts {
            var kept: [Currency: Int64] = [:]
            for (payment, amount) in Self.received(account) {
                kept[amount.currency, default: 0] += amount.minor
                let back = account.refunds.values.reduce(0) { $0 + ($1.payment == payment ? $1.amount.minor : 0) }
                if back > amount.minor {
                    self.addFinding("order \(id): \(back) of \(amount) are due back of payment \(payment)")
                }
            }
            for refund in account.refunds.values where !refund.amount.isNone {
                kept[refund.amount.currency, default: 0] -= refund.amount.minor
            }
            self.judge(id, account, &kept, orders[id])
            for (currency, minor) in kept where minor != 0 {
                self.addFinding(
                    "order \(id): \(minor) \(currency) were received, and are neither its price nor due back")
            }
        }
    }

    /// Takes out of `kept` what the order may keep.
    private mutating func judge(
        _ id: OrderID, _ account: Account, _ kept: inout [Currency: Int64], _ sold: UnitEvidence.Sold?
    ) {
        guard let sold, !sold.order.price.isNone else { return }
        let amount = sold.order.price.minor * Int64(sold.order.quantity)
        let currency = sold.order.price.currency
        switch sold.state {
        case .paid:
            // The completing payment brought what no entry accounts for; that cannot be less than nothing.
            if let payment = account.completing, account.received[payment] == nil {
                let rest = amount - (kept[currency] ?? 0)
                if rest <= 0 { self.addFinding("order \(id): payment \(payment) brought \(rest) of \(amount)") }
                kept[currency] = nil
            } else {
                kept[currency, default: 0] -= amount
            }
        case .reserved:
            let part = kept[currency] ?? 0
            if part < 0 || part >= amount { self.addFinding("order \(id) is not paid, and has \(part) of \(amount)") }
            kept[currency] = nil
        case .cancelled, .expired, .contested, .lost: break
        }
    }

    /// Totals by payment. Of a payment that is all due back, its refunds say what was received.
    private static func received(_ account: Account) -> [PaymentID: Money] {
        var received = account.received
        for refund in account.refunds.values where !refund.amount.isNone && account.received[refund.payment] == nil {
            guard refund.payment != account.completing else { continue }
            let known = received[refund.payment]?.minor ?? 0
            received[refund.payment] = refund.amount.with(minor: known + refund.amount.minor)
        }
        return received
    }
}

extension MoneyEvidence {
    /// What the ledger has of each order's money, for a comparison with the provider's book.
    func booked(_ orders: [OrderID: UnitEvidence.Sold]) -> [OrderID: BookedMoney] {
        var all = self.accounts.mapValues(Self.booked)
        for (id, sold) in orders where sold.state == .paid {
            guard let payment = sold.payment else { continue }
            guard !sold.order.price.isNone else {
                // Without a price there is no amount: the payment is known, and not what it was.
                all[id, default: BookedMoney()].payments.updateValue(nil, forKey: payment.rawValue)
                all[id]?.kept = nil
                continue
            }
            let amount = sold.order.price.minor * Int64(sold.order.quantity)
            all[id, default: BookedMoney()].kept = amount
            guard let account = self.accounts[id], account.received[payment] == nil else { continue }
            // What nothing else accounts for came with the payment that completed the order.
            let currency = sold.order.price.currency
            let received = Self.received(account).values.reduce(0) { $0 + ($1.currency == currency ? $1.minor : 0) }
            let back = account.refunds.values.reduce(0) {
                $0 + ($1.amount.currency == currency ? $1.amount.minor : 0)
            }
            all[id]?.payments[payment.rawValue] = amount - (received - back)
        }
        return all
    }

    private static func booked(_ account: Account) -> BookedMoney {
        var money = BookedMoney()
        for (payment, amount) in self.received(account) { money.payments[payment.rawValue] = amount.minor }
        for (number, refund) in account.refunds {
            let key = RefundKey(order: refund.order, number: number).description
            money.refunds[key] = .init(
                payment: refund.payment.rawValue, amount: refund.amount.isNone ? nil : refund.amount.minor,
                isDone: account.done.contains(number),
                isListed: !refund.isByProvider && refund.reason == .unknownOrder)
            if money.payments[refund.payment.rawValue] == nil {
                money.payments.updateValue(nil, forKey: refund.payment.rawValue)
            }
        }
        return money
    }
}
