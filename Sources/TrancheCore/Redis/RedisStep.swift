/// One atomic step of a lot in Redis: a batch that the unit has decided, beside the batch's commit.
///
/// Redis decides nothing. It checks that this process still has the unit (the owner), that the step is not late (the fence),
/// that no step was lost (the sequence), and that its own count of the stock agrees and stays at or above zero.
package struct RedisStep: Sendable {
    package let lot: LotID
    /// The session of the process.
    package let owner: UInt64
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
    /// The admitted requests. Redis keeps them until the next step, whose witness covers them: a process that starts on
    /// a ledger without them takes them over, because they may have been answered.
    package let admitted: [Admission]
    /// Requests of buyers who are referred when the step is confirmed. They are not sent: Redis need only say that this
    /// process still has the unit, and then it knows a head of the ledger with the branch.
    let referrals: [Referral]
    /// Expired orders that were paid and have their items again, told of when the step is confirmed. They are not sent: a process
    /// without their entries gets the payment once more, because nobody was told that it is taken.
    package let revivals: [Revival]

    package init(
        lot: LotID, owner: UInt64, fence: UInt64, sequence: UInt64, before: Int, after: Int,
        witness: LedgerHead = .empty, admitted: [Admission] = [], referrals: [Referral] = [], revivals: [Revival] = []
    ) {
        self.revivals = revivals
        self.referrals = referrals
        self.owner = owner
        self.admitted = admitted
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

/// A request that the unit has admitted, with its order, which goes to the ledger.
package struct Admission: Sendable {
    package let request: BuyRequest
    package let order: Order
    package init(request: BuyRequest, order: Order) { (self.request, self.order) = (request, order) }
}
