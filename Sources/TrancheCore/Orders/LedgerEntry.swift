/// One fact in a unit's ledger. The state of a unit is the fold of its entries, and nothing else.
package enum LedgerEntry: Hashable, Sendable {
    /// A process of the unit took the ledger over; older processes may append no more.
    case opened(Incarnation)
    /// The center found the ledger behind what it saw: counters start again, old stock is stranded.
    case generation(Generation)
    /// `g` of a lot, as a total.
    case granted(LotID, total: Int)
    /// `r` of a lot, as a total.
    case returned(LotID, total: Int)
    case reserved(Order)
    case confirmed(Order, payment: PaymentID)
    /// A reservation ended without payment: `state` is cancelled or expired.
    case released(Order, state: OrderState)
    /// A final refusal that admission decided.
    case refused(OrderID, lot: LotID, reason: FinalRefusal)
    /// Money came for an order that cannot take it.
    case refundDue(OrderID, payment: PaymentID, reason: RefundReason)
    /// Drawn for each report to the center, so that two copies of a ledger differ from then on.
    case nonce(UInt64)
    /// The first sold-out refusal of a lot in this incarnation: see ``RefusalMemory``.
    case soldOut(LotID)
    /// The lot is sold by contest from here on, and never locally again.
    case contended(LotID)
    /// A request joined the contest, at the end of this unit's queue.
    case contested(Order, uncertaintyMicroseconds: Int64)
    /// The contest gave the order its stock, and with it the quota for it: reserved, or already gone.
    case allocated(Order)
    /// A contested order ended without stock: lost or cancelled.
    case lost(Order)
    /// No stamp at or above this was given before.
    case ceiling(Stamp)
    /// An operator set the ceiling back, because a wrong clock had raised it: stamps go on from here.
    case ceilingReset(Stamp)
    /// The lots are primed in this process of Redis: it alone may vouch for the ledger while the center is away.
    case redis(RedisRun)
}

/// Why a payment has to be given back.
package enum RefundReason: UInt8, Hashable, Sendable, Codable, CaseIterable {
    /// The order was over when the money came, or was paid for already. Earlier versions did not tell these two apart.
    case orderOver = 0
    case alreadyPaid = 1
    /// No order of this id is in the ledger: a ledger that was replaced may have known it.
    case unknownOrder = 2

    package var name: String {
        switch self {
        case .orderOver: "the order was over"
        case .alreadyPaid: "the order was paid for already"
        case .unknownOrder: "the ledger does not know the order"
        }
    }

    package init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let reason = RefundReason.allCases.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "unknown reason of a refund: \(name)"))
        }
        self = reason
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.name)
    }
}

/// A refusal that the ledger remembers, because asking again must give the same answer.
package enum FinalRefusal: Hashable, Sendable {
    /// The buyer's limit was used up by earlier orders.
    case duplicate(held: Int, limit: Int)
    /// The order would have gone over the buyer's limit.
    case limitReached(held: Int, limit: Int)
}
