/// One fact in the authority log. The authority's state is the fold of its log.
package enum AuthorityRecord: Hashable, Sendable, Codable {
    /// A center took the log over; older centers may append no more.
    case epoch(Epoch)
    /// A coordinator took the lead; commands of older ones are refused.
    case coordinatorEpoch(Epoch)
    /// Stock was added to the lot's pool.
    case issued(LotID, quantity: Int)
    /// `G`, as a total, and so the pool shrank by the difference.
    case granted(LotID, UnitID, Generation, total: Int)
    /// `R`, as a total, and so the pool grew by the difference.
    case returned(LotID, UnitID, Generation, total: Int)
    /// A process of the unit may sell, with this ledger and generation.
    case registered(UnitID, LedgerID, Generation, Incarnation, session: UInt64)
    /// The unit's quota of this generation is unreliable: none of it returns until it is settled. The record has the
    /// center's last witness of the ledger, so that this ledger can prove itself later. (Earlier versions wrote no
    /// witness.)
    case stranded(UnitID, Generation, reason: String, witness: LedgerHead?)
    /// The ledger of a stranded generation came back and proved itself.
    case reinstated(UnitID, Generation)
    /// Of a stranded account, `sold` items were sold; the rest goes back to the pool. `byLedger`: the account's own
    /// ledger gave the count, and not an operator. (Earlier versions did not write this.)
    case settled(LotID, UnitID, Generation, sold: Int, byLedger: Bool?)
    /// The coordinator excludes this lot from its decisions, or includes it again.
    case frozen(LotID, Bool)
    /// The lot leaves local sales for the contest, for good.
    case contended(LotID, ContestTerms)
    /// One decision of the leading coordinator: orders with a place, orders with stock from the pool, released orders.
    case contest(LotID, ContestBatch)
    /// The unit gets no more quota and returns what it has; or that ends.
    case drained(UnitID, Bool)
    /// A home refers new buyers of the lot to a unit that was added to the sale.
    case branched(LotID, BranchRecord)
    /// Items of settled lots became stock of other lots, all in one record: none is lost between, and none is there twice.
    case carried([Carry])

    /// The lots whose stock this record moves.
    package var movedLots: [LotID] {
        switch self {
        case .issued(let lot, _), .granted(let lot, _, _, _), .returned(let lot, _, _, _): [lot]
        case .settled(let lot, _, _, _, _), .contest(let lot, _): [lot]
        case .carried(let carries): carries.flatMap { [$0.from, $0.to] }
        default: []
        }
    }
}

/// Items that left the pool of one lot for good, and are stock of another one.
package struct Carry: Hashable, Sendable, Codable {
    package let from: LotID
    package let to: LotID
    package let quantity: Int
    package init(from: LotID, to: LotID, quantity: Int) {
        (self.from, self.to, self.quantity) = (from, to, quantity)
    }
}

/// Why the authority refuses a command. A refused command changes nothing.
package enum AuthorityError: Error, Hashable, Sendable {
    case unknownLot(LotID)
    case unknownUnit(UnitID)
    case invalidQuantity(Int, limit: Int)
    case staleEpoch(Epoch, current: Epoch)
    case notStranded(LotID, UnitID, Generation)
    case soldOutOfRange(Int, limit: Int)
    case notContended(LotID)
    /// In a contest no unit holds quota that could be moved.
    case contended(LotID)
    /// Quota cannot be moved from a unit to itself.
    case sameUnit(UnitID)
    /// A unit that reports, or may still be looking for a new center, is not lost.
    case reporting(UnitID)
    /// A drained unit gets no quota.
    case drained(UnitID)
    /// The batch does not follow the last one that is in the log.
    case batchOutOfTurn(UInt64, expected: UInt64)
    /// The page of a contest begins behind its last item, or before the first one.
    case pageOutOfRange(Int, limit: Int)
    /// The batch gives more than the pool has, or to an order that is not in the line or whose ledger was replaced.
    case invalidBatch(LotID, reason: String)
    /// The leading coordinator sent a heartbeat recently.
    case leaderIsAlive(Epoch)
}
