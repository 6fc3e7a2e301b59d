/// The state of one lot in one unit.
struct LotState: Sendable {
    enum Mode: Sendable {
        /// The unit sells from its own quota, through Redis. Can transition to: `leaving`, `contested`.
        case local(LocalSale)
        /// The lot is contested, and a call to Redis is still under way: until its result it is unknown which requests were
        /// admitted. Can transition to: `contested`.
        case leaving(allowance: Int)
        /// The unit forwards its candidates to the coordinator, and sells nothing by itself. A contest does not end.
        case contested(ContestQueue)
    }

    let lot: LotID
    var rules: LotRules?
    private(set) var mode = Mode.local(LocalSale())
    var redis: RedisSession
    /// Requests for the next call to Redis, oldest first.
    var waiting: [BuyRequest] = []
    /// Requests that wait for quota, or for the contest to begin, oldest first.
    var held: [HeldRequest] = []
    var demand = Demand()
    var reclaim = Reclaim()
    var elsewhere = StockElsewhere()
    /// Items paid for, of the present generation.
    var paid = 0
    /// The front desk refuses requests of the lot as sold out.
    var isFlaggedSoldOut = false
    /// The ledger has the entry that this incarnation refuses orders of the lot as sold out.
    var soldOutIsDurable = false

    init(lot: LotID, fence: UInt64) {
        self.lot = lot
        self.redis = RedisSession(fence: fence)
    }

    /// Changed in place; `nil` in a contest.
    var local: LocalSale? {
        get { if case .local(let sale) = self.mode { sale } else { nil } }
        _modify {
            var sale = self.takeLocal()
            defer {
                if let sale {
                    precondition(self.isLocal, "lot \(self.lot) gets a local sale outside of that mode")
                    self.mode = .local(sale)
                }
            }
            yield &sale
        }
    }

    /// Leaves the mode without the sale's lists, so that a change of them copies nothing.
    private mutating func takeLocal() -> LocalSale? {
        guard case .local(let sale) = self.mode else { return nil }
        self.mode = .local(LocalSale())
        return sale
    }

    /// `nil` outside of a contest, and while the lot is leaving its local sale.
    var contest: ContestQueue? {
        get { if case .contested(let queue) = self.mode { queue } else { nil } }
        set {
            guard let newValue else { return }
            precondition(self.contest != nil, "lot \(self.lot) gets a contest's queue outside of that mode")
            self.mode = .contested(newValue)
        }
    }

    var isLocal: Bool { if case .local = self.mode { true } else { false } }
    /// Contested, or about to be.
    var isContended: Bool { !self.isLocal }
    var isLeaving: Bool { if case .leaving = self.mode { true } else { false } }

    mutating func leave(allowance: Int) {
        precondition(self.isLocal, "lot \(self.lot) leaves its local sale, but is not in one")
        self.mode = .leaving(allowance: allowance)
    }

    /// The allowance is known, so requests may enter at once.
    mutating func join() {
        guard case .leaving(let allowance) = self.mode else {
            precondition(self.contest != nil, "lot \(self.lot) joins a contest, but has not left its local sale")
            self.contest?.phase = .joined
            return
        }
        self.mode = .contested(ContestQueue(phase: .joined, allowance: allowance))
    }

    /// After a restart, or in a new generation: the coordinator has not sent yet how many can still win.
    mutating func rejoin() { self.mode = .contested(ContestQueue(phase: .asking, allowance: 0)) }

    /// Whether a call to Redis has anything to do.
    var hasWork: Bool {
        guard case .local(let sale) = self.mode else { return false }
        return !self.waiting.isEmpty || !sale.isEmpty || self.reclaim.pending != nil
    }

    /// Makes one call of everything that waits, up to the limits.
    mutating func makeCall(witness: LedgerHead) -> LotCall {
        let count = min(self.waiting.count, Limits.requestsPerCall)
        let (credit, releases) = self.local?.removeForCall() ?? (0, [])
        let call = LotCall(
            lot: self.lot, fence: self.redis.fence, sequence: self.redis.sequence,
            buyerLimit: self.rules?.buyerLimit ?? 1, releases: releases, credit: credit,
            reclaimKeep: self.reclaim.pending?.keep, requests: Array(self.waiting.prefix(count)), witness: witness,
            committed: self.redis.durable)
        self.waiting.removeFirst(count)
        self.redis.began(call)
        return call
    }

    /// Empties the queues. A call that is under way is answered by its result, unless the lot goes out of service.
    mutating func takeQueued(withCall: Bool) -> [BuyRequest] {
        let lost = withCall ? self.redis.callUnderway?.requests ?? [] : []
        defer { (self.held, self.waiting) = ([], []) }
        return lost + self.held.map(\.request) + self.waiting
    }
}

/// A sale from local quota: changes of stock that the ledger has and Redis does not have yet.
struct LocalSale: Sendable {
    /// Quota granted.
    private(set) var credit = 0
    /// Reservations that ended.
    private(set) var releases: [Order] = []

    var isEmpty: Bool { self.credit == 0 && self.releases.isEmpty }

    mutating func add(credit: Int) { self.credit += credit }

    mutating func add(release: Order) { self.releases.append(release) }

    /// The changes for the next call.
    mutating func removeForCall() -> (credit: Int, releases: [Order]) {
        let count = min(self.releases.count, Limits.releasesPerCall)
        defer {
            self.credit = 0
            self.releases.removeFirst(count)
        }
        return (self.credit, Array(self.releases.prefix(count)))
    }
}
