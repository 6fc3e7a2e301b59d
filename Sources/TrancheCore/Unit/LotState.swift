/// The state of one lot in one unit.
struct LotState: Sendable {
    enum Mode: Sendable {
        /// The unit sells from its own quota. Can transition to: `contested`.
        case local
        /// The unit forwards its candidates to the coordinator, and sells nothing by itself. A contest does not end.
        case contested(ContestQueue)
    }

    let lot: LotID
    var rules: LotRules?
    private(set) var mode = Mode.local
    var redis: RedisSession
    /// Requests that are decided when no step in Redis is under way, oldest first.
    var waiting: [BuyRequest] = []
    /// Requests that wait for quota, or for the contest to begin, oldest first.
    var starved: [StarvedRequest] = []
    /// Payments for expired orders, decided behind the requests, oldest first.
    var late: [LatePayment] = []
    /// Requests of buyers who go to a branch. They are answered after the next step in Redis.
    var referrals: [Referral] = []
    /// Whether the ledger has all branches: until then nobody is referred.
    var branchesAreDurable = true
    var demand = Demand()
    var reclaim = Reclaim()
    var returns: ReturnedTotal
    var elsewhere = StockElsewhere()
    /// Available items of entries that are not durable yet. They are sold after the commit: the next step in Redis names a head of
    /// the ledger that has them, so a process that takes the step's orders over has their stock.
    var undurable = 0
    /// Items paid for, of the present generation.
    var paid = 0
    /// The front desk refuses requests of the lot as sold out.
    var isFlaggedSoldOut = false
    /// The ledger has the entry that this incarnation refuses orders of the lot as sold out.
    var soldOutIsDurable = false

    init(lot: LotID, fence: UInt64, returns: ReturnedTotal) {
        self.lot = lot
        self.returns = returns
        self.redis = RedisSession(fence: fence)
    }

    /// Whether anything waits for a decision between two steps in Redis.
    var hasUndecided: Bool { !(self.waiting.isEmpty && self.late.isEmpty) }

    /// `nil` outside of a contest.
    var contest: ContestQueue? {
        get { if case .contested(let queue) = self.mode { queue } else { nil } }
        set {
            guard let newValue else { return }
            precondition(self.contest != nil, "lot \(self.lot) gets a contest's queue outside of that mode")
            self.mode = .contested(newValue)
        }
    }

    var isLocal: Bool { if case .local = self.mode { true } else { false } }
    var isContended: Bool { !self.isLocal }

    /// Leaves the local sale; the coordinator has sent how many can still win.
    mutating func contest(allowance: Int) {
        precondition(self.isLocal, "lot \(self.lot) leaves its local sale, but is not in one")
        self.mode = .contested(ContestQueue(phase: .joined, allowance: allowance))
    }

    /// The coordinator has sent how many can still win, so requests may enter.
    mutating func beginEntering() { self.contest?.phase = .joined }

    /// After a restart, or in a new generation: the coordinator has not sent yet how many can still win.
    mutating func rejoin() { self.mode = .contested(ContestQueue(phase: .asking, allowance: 0)) }

    /// Empties the queues.
    mutating func removeQueued() -> [BuyRequest] {
        defer { (self.starved, self.waiting, self.referrals) = ([], [], []) }
        return self.starved.map(\.request) + self.waiting + self.referrals.map(\.request)
    }
}
