/// Who has a unit's Redis, and how far that process has come: any priming or step changes it.
package struct RedisMark: Hashable, Sendable {
    /// The session of the process that primed last.
    package let owner: UInt64
    /// Primings and calls with a step that was done, so far.
    package let steps: UInt64
    package init(owner: UInt64, steps: UInt64) { (self.owner, self.steps) = (owner, steps) }
}

/// Sets a lot in Redis to the ledger's state, under a new fence. The first priming of a process takes the whole unit over:
/// from then on Redis refuses every step of another process.
///
/// Redis refuses the take-over if another process has done anything since this one's survey: the survey does not show
/// what was sold after it.
package struct RedisPrime: Hashable, Sendable {
    package let lot: LotID
    package let fence: UInt64
    /// The session of the process.
    package let owner: UInt64
    /// By the survey at the start; `nil` if nobody had this Redis.
    package let surveyed: RedisMark?
    package let available: Int
    package let ledger: LedgerID
    package let generation: Generation
    package let witness: LedgerHead

    package init(
        lot: LotID, fence: UInt64, owner: UInt64, surveyed: RedisMark? = nil, available: Int, ledger: LedgerID,
        generation: Generation, witness: LedgerHead
    ) {
        self.lot = lot
        self.fence = fence
        self.owner = owner
        self.surveyed = surveyed
        self.available = available
        self.ledger = ledger
        self.generation = generation
        self.witness = witness
    }
}

/// What a unit's Redis holds at a start, before anything is primed.
package struct RedisSurvey: Hashable, Sendable {
    /// The ledger that Redis last saw, and how far it had come; `nil` if Redis holds nothing.
    package let ledger: LedgerID?
    package let witness: LedgerHead?
    /// The ledger's own digest at the witness's position; `nil` if the ledger does not reach that far.
    package var proof: LedgerHead?
    /// The generation of that ledger.
    package let generation: Generation?
    package let mark: RedisMark?
    /// The highest fence of any lot. A ledger that was set back counts its incarnations again: it must go on above this.
    package let newestFence: UInt64
    /// The admitted requests of each lot's last step.
    package let admitted: [BuyRequest]
    /// The process that answers.
    package let run: RedisRun

    package init(
        ledger: LedgerID?, generation: Generation? = nil, witness: LedgerHead?, proof: LedgerHead? = nil,
        mark: RedisMark? = nil, newestFence: UInt64 = 0, admitted: [BuyRequest] = [], run: RedisRun
    ) {
        self.run = run
        self.mark = mark
        self.newestFence = newestFence
        self.admitted = admitted
        self.ledger = ledger
        self.generation = generation
        self.witness = witness
        self.proof = proof
    }
}
