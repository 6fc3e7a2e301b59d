/// One atomic step of a lot in Redis: the sum of a batch that the unit has decided, beside the batch's commit.
///
/// Redis decides nothing. It checks that this process still has the lot (the fence), that no step was lost (the
/// sequence), and that its own count of the stock agrees and stays at or above zero.
package struct RedisStep: Hashable, Sendable {
    package let lot: LotID
    /// Raised for each priming: a step of an older fence changes nothing, whenever it arrives.
    package let fence: UInt64
    /// The last sequence that a reply confirmed; Redis must be exactly there.
    package let sequence: UInt64
    /// Available items in Redis before the step.
    package let before: Int
    /// Available items after it.
    package let after: Int
    /// The ledger's durable head. Redis keeps it, as a second witness of the ledger.
    package let witness: LedgerHead

    package init(
        lot: LotID, fence: UInt64, sequence: UInt64, before: Int, after: Int, witness: LedgerHead = .empty
    ) {
        self.lot = lot
        self.fence = fence
        self.sequence = sequence
        self.before = before
        self.after = after
        self.witness = witness
    }
}

/// What Redis answered to a ``RedisStep`` or a ``RedisPrime``.
package enum RedisResult: Hashable, Sendable {
    /// The step is done.
    case stepped
    /// The lot is in this process of Redis.
    case primed(RedisRun)
    /// The lot's state was lost, set back, or differs: prime it again from the ledger.
    case lost
    /// A newer fence is in force: another process has this Redis.
    case superseded
    /// No answer: it is unknown whether the step was done. Prime it again from the ledger.
    case unreachable
}

/// Sets a lot in Redis to the ledger's state, under a new fence.
package struct RedisPrime: Hashable, Sendable {
    package let lot: LotID
    package let fence: UInt64
    package let available: Int
    package let ledger: LedgerID
    package let witness: LedgerHead

    package init(lot: LotID, fence: UInt64, available: Int, ledger: LedgerID, witness: LedgerHead) {
        self.lot = lot
        self.fence = fence
        self.available = available
        self.ledger = ledger
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
    /// The highest fence of any lot. A ledger that was set back counts its incarnations again: it must go on above this.
    package let newestFence: UInt64
    /// The process that answers.
    package let run: RedisRun

    package init(
        ledger: LedgerID?, witness: LedgerHead?, proof: LedgerHead? = nil, newestFence: UInt64, run: RedisRun
    ) {
        self.run = run
        self.newestFence = newestFence
        self.ledger = ledger
        self.witness = witness
        self.proof = proof
    }
}
