/// One fact in a unit's ledger. The state of a unit is the fold of its entries only.
package enum LedgerEntry: Hashable, Sendable {
    /// A process of the unit took the ledger over; older processes may append no more.
    case opened(Incarnation)
    /// The ledger was behind the center's witness: counters start again, old stock is stranded.
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
    /// A payment came for an order that cannot take it.
    case refundDue(OrderID, payment: PaymentID, reason: RefundReason)
    /// Drawn for a report to the center, so that two copies of a ledger differ after it: see ``UnitMachine/drawsNonce(_:)``.
    case nonce(UInt64)
    /// The first sold-out refusal of a lot in this incarnation: see ``RefusalMemory``.
    case soldOut(LotID)
    /// From here on the lot is sold by contest only.
    case contended(LotID)
    /// A request joined the contest, at the end of this unit's queue.
    case contested(Order, uncertaintyMicroseconds: Int64)
    /// The contest gave the order its stock and the quota for it: the order is reserved, or has already ended. It is an offer if the
    /// order had waited in the line. (Entries of earlier versions say that none is.)
    case allocated(Order, isOffer: Bool)
    /// A contested order ended without stock: lost or cancelled.
    case lost(Order)
    /// The ceiling: no stamp at or above it was given before.
    case ceiling(Stamp)
    /// An operator set the ceiling back, because a wrong clock had raised it: stamps continue from here.
    case ceilingReset(Stamp)
    /// The lots are primed in this process of Redis: only it may vouch for the ledger while the center is away.
    case redis(RedisRun)
    /// The orders of a settled lot have left the book for the lot's archive.
    case archived(ArchivedLot)
    /// From here on new buyers of a lot who prefer the branch are referred to it, and not admitted.
    case branched(LotID, Branch)

    /// Whether the entry only replaces an earlier one of its kind, and changes nothing for buyers. A commit of such entries
    /// overwrites the one before it.
    package var isHeartbeat: Bool {
        switch self {
        case .nonce, .ceiling: true
        default: false
        }
    }

    /// The lot whose counters of quota this entry changes.
    package var movedStock: LotID? {
        switch self {
        case .granted(let lot, _), .returned(let lot, _): lot
        case .reserved(let order), .released(let order, _), .allocated(let order, _): order.lot
        default: nil
        }
    }
}

/// Why a payment must be refunded.
package enum RefundReason: UInt8, Hashable, Sendable, Codable, CaseIterable {
    /// The order had ended when the payment came, or was paid already. Earlier versions did not distinguish the two.
    case orderOver = 0
    case alreadyPaid = 1
    /// The ledger has no order of this id; a replaced ledger may have had it.
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

/// A refusal that the ledger stores, because a repeated request must get the same answer.
package enum FinalRefusal: Hashable, Sendable {
    /// Earlier orders have used up the buyer's limit.
    case duplicate(held: Int, limit: Int)
    /// The order would exceed the buyer's limit.
    case limitReached(held: Int, limit: Int)
}
