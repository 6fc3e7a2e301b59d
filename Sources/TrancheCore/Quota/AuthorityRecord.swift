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
    /// The unit's quota of this generation cannot be relied on: nothing of it returns until it is settled. With what the center
    /// saw of its ledger last, so that this very ledger can prove itself later. (Earlier versions wrote no witness.)
    case stranded(UnitID, Generation, reason: String, witness: LedgerHead?)
    /// The very ledger of a stranded generation came back and proved itself.
    case reinstated(UnitID, Generation)
    /// Of a stranded account, `sold` was really sold; the rest goes back to the pool. `byLedger`: its own ledger came back and
    /// said so, and no operator. (Earlier versions did not write which.)
    case settled(LotID, UnitID, Generation, sold: Int, byLedger: Bool?)
    /// The coordinator leaves this lot alone, or not any longer.
    case frozen(LotID, Bool)
    /// The lot leaves local sales for the contest, for good.
    case contended(LotID, ContestTerms)
    /// One decision of the leading coordinator: who has a place, who gets stock from the pool, who gets none.
    case contest(LotID, ContestBatch)
    /// The unit gets no more quota and gives back what it has, or not any longer.
    case drained(UnitID, Bool)
}

/// Why the authority refuses a command. Nothing has changed then.
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
    /// A drained unit gets no quota.
    case drained(UnitID)
    /// The batch does not follow the last one that is in the log.
    case batchOutOfTurn(UInt64, expected: UInt64)
    /// The batch gives more than the pool has, or to somebody who is not in the line or whose ledger is gone.
    case invalidBatch(LotID, reason: String)
    /// A coordinator leads that was heard not long ago.
    case leaderIsAlive(Epoch)
}
