/// One atomic step of a lot in Redis: everything that waited since the last one.
///
/// The script does, in this order: check the fence and the sequence; release; credit; take back; admit.
/// Each step raises the sequence by one, so a Redis that lost its last writes is recognised by a sequence that fell.
package struct LotCall: Hashable, Sendable {
    package let lot: LotID
    /// Raised for each priming: a call of an older fence changes nothing, whenever it arrives.
    package let fence: UInt64
    /// The last sequence that a reply confirmed; Redis must not be behind it.
    package let sequence: UInt64
    package let buyerLimit: Int
    /// Reservations that ended, whose stock returns. Durable in the ledger before the call.
    package let releases: [Order]
    /// Quota granted since the last call. Durable in the ledger before the call.
    package let credit: Int
    /// If set: take back what is available beyond this.
    package let reclaimKeep: Int?
    package let requests: [BuyRequest]
    /// The ledger's durable head. Redis keeps it, as a second witness of the ledger.
    package let witness: LedgerHead
    /// Admissions up to this sequence are in the ledger, and need not be kept in the Redis queue.
    package let committed: UInt64

    /// Whether the call may be sent only after every earlier append is durable.
    package var dependsOnLedger: Bool { self.credit > 0 || !self.releases.isEmpty }

    package init(
        lot: LotID, fence: UInt64, sequence: UInt64, buyerLimit: Int, releases: [Order] = [], credit: Int = 0,
        reclaimKeep: Int? = nil, requests: [BuyRequest] = [], witness: LedgerHead = .empty, committed: UInt64 = 0
    ) {
        self.lot = lot
        self.fence = fence
        self.sequence = sequence
        self.buyerLimit = buyerLimit
        self.releases = releases
        self.credit = credit
        self.reclaimKeep = reclaimKeep
        self.requests = requests
        self.witness = witness
        self.committed = committed
    }
}

/// What Redis answered to a ``LotCall`` or a ``LotPrime``.
package enum LotResult: Hashable, Sendable {
    /// Every request decided, in order.
    case decided(verdicts: [AdmissionVerdict], sequence: UInt64, available: Int, taken: Int)
    /// The lot is in this process of Redis, and admits.
    case primed(RedisRun)
    /// The lot's state was lost or set back: prime it again from the ledger.
    case lost
    /// A newer fence is in force: another process has this Redis.
    case superseded
    /// No answer: it is unknown whether the step was done. Prime it again from the ledger.
    case unreachable
}

package enum AdmissionVerdict: Hashable, Sendable {
    case admitted
    /// This order id was admitted before.
    case known
    /// The buyer holds `held` items already, and the order would go over the limit.
    case overLimit(held: Int)
    /// Fewer items are available than were asked for.
    case short
}

/// Rebuilds a lot in Redis from the ledger, under a new fence.
package struct LotPrime: Hashable, Sendable {
    package struct Holding: Hashable, Sendable {
        package let buyer: BuyerID
        package private(set) var quantity: Int
        /// Most buyers have one order. A list for it would be one more allocation for each of a million buyers.
        private let first: OrderID
        private var others: [OrderID] = []
        package var orders: [OrderID] { [self.first] + self.others }
        package func forEachOrder(_ body: (OrderID) -> Void) {
            body(self.first)
            for order in self.others { body(order) }
        }
        package init(buyer: BuyerID, quantity: Int, order: OrderID) {
            self.buyer = buyer
            self.quantity = quantity
            self.first = order
        }
        package mutating func add(_ order: OrderID, quantity: Int) {
            self.others.append(order)
            self.quantity += quantity
        }
    }
    package let lot: LotID
    package let fence: UInt64
    package let available: Int
    package let holdings: [Holding]
    package let ledger: LedgerID
    package let witness: LedgerHead

    package init(
        lot: LotID, fence: UInt64, available: Int, holdings: [Holding], ledger: LedgerID, witness: LedgerHead
    ) {
        self.lot = lot
        self.fence = fence
        self.available = available
        self.holdings = holdings
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
    /// Requests that Redis admitted, oldest first, whether or not they reached the ledger.
    package let admitted: [BuyRequest]
    /// The highest fence of any lot. A ledger that was set back counts its incarnations again: it must go on above this.
    package let newestFence: UInt64
    /// The process that answers.
    package let run: RedisRun

    package init(
        ledger: LedgerID?, witness: LedgerHead?, proof: LedgerHead?, admitted: [BuyRequest], newestFence: UInt64,
        run: RedisRun
    ) {
        self.run = run
        self.newestFence = newestFence
        self.ledger = ledger
        self.witness = witness
        self.proof = proof
        self.admitted = admitted
    }
}
