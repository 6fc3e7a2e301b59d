/// What the unit knows of one lot from its configuration.
package struct LotRules: Hashable, Sendable {
    /// The phase of the lot's sale.
    package enum Phase: Hashable, Sendable { case warming, open, paused, closed }
    package let lot: LotID
    package let phase: Phase
    package let opensAt: Instant
    package let closesAt: Instant
    package let buyerLimit: Int
    /// The limit while the lot is contested: the same in every unit, because there is one order over all of them.
    package let contestLimit: Int
    package let paymentWindowMilliseconds: Int64
    /// How long items that came back are held for an order that waited in the line.
    package let claimWindowMilliseconds: Int64
    /// Items that were issued, added ones included; `nil` if that is not known.
    package let issued: Int?
    /// The sale is settled: nothing of it waits for a payment in any unit.
    package let isSettled: Bool
    /// Of one item; ``Money/none`` if the lot has no price.
    package let price: Money

    /// - Parameter claimWindowMilliseconds: `nil`: the payment window.
    package init(
        lot: LotID, phase: Phase, opensAt: Instant, closesAt: Instant, buyerLimit: Int,
        paymentWindowMilliseconds: Int64, claimWindowMilliseconds: Int64? = nil, issued: Int? = nil,
        isSettled: Bool = false, contestLimit: Int? = nil, price: Money = .none
    ) {
        self.contestLimit = contestLimit ?? buyerLimit
        self.price = price
        self.isSettled = isSettled
        self.issued = issued
        self.lot = lot
        self.phase = phase
        self.opensAt = opensAt
        self.closesAt = closesAt
        self.buyerLimit = buyerLimit
        self.paymentWindowMilliseconds = paymentWindowMilliseconds
        self.claimWindowMilliseconds = claimWindowMilliseconds ?? paymentWindowMilliseconds
    }

    /// These rules with the contest's limit of others.
    package func contested(likewise own: Self) -> Self {
        Self(
            lot: self.lot, phase: self.phase, opensAt: self.opensAt, closesAt: self.closesAt,
            buyerLimit: self.buyerLimit, paymentWindowMilliseconds: self.paymentWindowMilliseconds,
            claimWindowMilliseconds: self.claimWindowMilliseconds, issued: self.issued, isSettled: self.isSettled,
            contestLimit: own.contestLimit, price: self.price)
    }

    /// Why this quantity of the lot cannot be bought at `now`, or `nil` if the rules allow it.
    ///
    /// - Parameter uncertaintyMicroseconds: The clock's `eps`: no unit opens early.
    package func refusal(quantity: Int, now: Instant, uncertaintyMicroseconds: Int64) -> Refusal? {
        guard (1...self.buyerLimit).contains(quantity) else {
            return .invalidQuantity(quantity, limit: self.buyerLimit)
        }
        return self.closedReason(now: now, uncertaintyMicroseconds: uncertaintyMicroseconds)
    }

    /// Why the lot cannot be bought at `now`, or `nil` if it can.
    ///
    /// - Parameter uncertaintyMicroseconds: The clock's `eps`: no unit opens early.
    package func closedReason(now: Instant, uncertaintyMicroseconds: Int64) -> Refusal? {
        let surely = Instant(microseconds: now.microseconds - uncertaintyMicroseconds)
        switch self.phase {
        case .warming: return .notStarted(opensAt: self.opensAt)
        case .paused: return .paused
        case .closed: return .ended
        case .open:
            if surely < self.opensAt { return .notStarted(opensAt: self.opensAt) }
            return now >= self.closesAt ? .ended : nil
        }
    }
}
