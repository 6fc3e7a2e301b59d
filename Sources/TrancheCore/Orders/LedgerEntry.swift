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
    /// The order is paid: what was missing of its amount came with this payment, or is in the ``received(_:_:paid:)`` before.
    case confirmed(Order, payment: PaymentID)
    /// A reservation ended without payment: `state` is cancelled or expired.
    case released(Order, state: OrderState)
    /// A final refusal that admission decided.
    case refused(OrderID, lot: LotID, reason: FinalRefusal)
    /// All that was taken with one payment so far, as a total; `paid` is what the order then has towards its amount.
    case received(OrderID, Payment, paid: Int64)
    /// A payment came for an order that cannot take it, or not all of it.
    case refundDue(Refund)
    /// The provider has carried the refund out.
    case refunded(RefundKey)
    /// A payment came for an expired order, and there was stock for it: the order has its items again, and is paid.
    case revived(Order, payment: PaymentID)
    /// The order expired, and the provider has not said for the stated time whether it was paid: it is asked on. Not `isOpen`: it
    /// has said so by now.
    case doubt(OrderID, isOpen: Bool)
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
        case .reserved(let order), .released(let order, _), .allocated(let order, _), .revived(let order, _):
            order.lot
        default: nil
        }
    }
}

extension LedgerEntry {
    /// A refund of a whole payment whose amount is not known, as earlier versions wrote it: the book numbers it.
    package static func refundDue(_ order: OrderID, payment: PaymentID, reason: RefundReason) -> LedgerEntry {
        .refundDue(Refund(order: order, number: 0, payment: payment, reason: reason))
    }
}

/// A refusal that the ledger stores, because a repeated request must get the same answer.
package enum FinalRefusal: Hashable, Sendable {
    /// Earlier orders have used up the buyer's limit.
    case duplicate(held: Int, limit: Int)
    /// The order would exceed the buyer's limit.
    case limitReached(held: Int, limit: Int)
}
