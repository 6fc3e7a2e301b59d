import TrancheCore

/// The payment provider: a book of payments and of refunds, each refund once by its key.
struct SimulatedProvider {
    struct Payment {
        let id: PaymentID
        let order: OrderID
        let unit: UnitID
        /// What was taken up to each moment: totals, which grow.
        var takings: [(at: Instant, total: Money)]
        var refunded: Int64 = 0

        var total: Money { self.takings.last!.total }
        var left: Int64 { self.total.minor - self.refunded }
    }
    private struct Refunded {
        let payment: PaymentID
        let minor: Int64
        let doneAt: Instant
    }

    private(set) var payments: [Payment] = []
    private(set) var byOrder: [OrderID: [Int]] = [:]
    private var numbers: [PaymentID: Int] = [:]
    private var refunds: [String: Refunded] = [:]
    /// How often money went back for a refund of a ledger, whatever key it came with.
    private(set) var carriedOut: [RefundKey: Int] = [:]

    mutating func take(_ payment: PaymentID, of order: OrderID, at unit: UnitID, total: Money, now: Instant) {
        if let number = self.numbers[payment] {
            self.payments[number].takings.append((now, total))
            return
        }
        self.numbers[payment] = self.payments.count
        self.byOrder[order, default: []].append(self.payments.count)
        self.payments.append(Payment(id: payment, order: order, unit: unit, takings: [(now, total)]))
    }

    /// What it had taken for an order at a moment.
    func answer(_ order: OrderID, at moment: Instant) -> ProviderAnswer {
        let known = (self.byOrder[order] ?? []).compactMap { number -> TrancheCore.Payment? in
            let payment = self.payments[number]
            return payment.takings.last { $0.at <= moment }.map { .init(id: payment.id, amount: $0.total) }
        }
        return known.isEmpty ? .unpaid : .paid(known)
    }

    /// What was taken for an order in a currency, without what went back.
    func kept(_ order: OrderID, in currency: Currency) -> Int64 {
        (self.byOrder[order] ?? []).reduce(0) { sum, number in
            let payment = self.payments[number]
            return payment.total.currency == currency ? sum + payment.left : sum
        }
    }

    /// - Returns: The answer, and whether it knew the key.
    mutating func refund(
        _ refund: Refund, key: String, now: Instant, pendingMilliseconds: Int
    ) -> (answer: RefundAnswer, isRepeated: Bool) {
        if let known = self.refunds[key] {
            guard known.payment == refund.payment, refund.amount.isNone || refund.amount.minor == known.minor else {
                return (.refused(reason: "key_reused"), true)
            }
            return (known.doneAt <= now ? .done : .pending, true)
        }
        guard let number = self.numbers[refund.payment], self.payments[number].order == refund.order else {
            return (.refused(reason: "other_payment"), false)
        }
        let payment = self.payments[number]
        let minor = refund.amount.isNone ? payment.left : refund.amount.minor
        guard refund.amount.isNone || refund.amount.currency == payment.total.currency else {
            return (.refused(reason: "other_payment"), false)
        }
        guard minor <= payment.left else { return (.refused(reason: "refund_too_high"), false) }
        self.payments[number].refunded += minor
        self.carriedOut[refund.key, default: 0] += 1
        let doneAt = now.advanced(milliseconds: Int64(pendingMilliseconds))
        self.refunds[key] = Refunded(payment: refund.payment, minor: minor, doneAt: doneAt)
        return (pendingMilliseconds > 0 ? .pending : .done, false)
    }
}
