/// Demand for a lot, as the center weighs it.
struct Demand: Sendable {
    /// Requests since the process started.
    private(set) var offered = 0
    /// Orders that were counted lately.
    private var counted = OrderMarks()

    /// A repeated request with the same token is no more demand than before.
    mutating func count(_ order: OrderID) { if self.counted.insert(order) { self.offered += 1 } }

    /// Requests that the front desk refused from its flag.
    mutating func add(_ count: Int) { self.offered += count }
}

/// Recent order ids, in bounded memory: an id that has not come for long may count as new again.
struct OrderMarks: Sendable {
    /// Ids of one half; when it is full the older half is forgotten.
    static let limit = 32_768

    private var newer: Set<UInt64> = []
    private var older: Set<UInt64> = []

    /// - Returns: Whether the id is new.
    mutating func insert(_ order: OrderID) -> Bool {
        let mark = order.high ^ order.low
        guard !self.older.contains(mark), self.newer.insert(mark).inserted else { return false }
        if self.newer.count >= Self.limit { (self.older, self.newer) = (self.newer, []) }
        return true
    }
}

/// The center's requests to return quota.
struct Reclaim: Sendable {
    /// The number of the last hint that was followed.
    private(set) var done: UInt64 = 0
    /// The same, as far as the center may learn of it.
    var reported: UInt64 = 0

    /// - Returns: Whether the hint is a new one. It counts as followed from then on.
    mutating func follow(_ hint: ReclaimHint) -> Bool {
        guard hint.number > self.done else { return false }
        self.done = hint.number
        return true
    }
}

/// The total that a unit has returned of a lot, as far as the center may learn of it.
package struct ReturnedTotal: Sendable {
    /// Totals that wait for Redis, at most.
    package static let pendingLimit = 8

    /// Redis has the ledger beyond the entries of these.
    package private(set) var confirmed: Int
    /// Durable totals, each with the position in the ledger that Redis must have reached.
    private var pending: [(position: UInt64, total: Int)] = []
    /// The newest total, durable or not.
    private var newest: Int

    /// - Parameters:
    ///   - total: By the ledger, at a start.
    ///   - position: The end of that ledger.
    package init(total: Int, position: UInt64) {
        (self.confirmed, self.newest) = (0, total)
        if total > 0 { self.pending.append((position, total)) }
    }

    package var isConfirmed: Bool { self.pending.isEmpty }
    var isDurable: Bool { self.newest == self.pending.last?.total ?? self.confirmed }

    package mutating func raise(to total: Int) { self.newest = total }

    /// The ledger has the newest total up to this position.
    package mutating func becameDurable(at position: UInt64) {
        guard !self.isDurable else { return }
        // While Redis is away, the later ones are confirmed together.
        if self.pending.count >= Self.pendingLimit { self.pending.removeLast() }
        self.pending.append((position, self.newest))
    }

    package mutating func confirm(upTo position: UInt64) {
        while let first = self.pending.first, first.position <= position {
            self.confirmed = first.total
            self.pending.removeFirst()
        }
    }

    /// A new generation starts at nothing.
    mutating func restart() { self = ReturnedTotal(total: 0, position: 0) }
}

/// The center's last figure of stock outside of this unit.
struct StockElsewhere: Sendable {
    private var quantity = 0
    private var heardAt = Instant.distantPast

    mutating func heard(_ quantity: Int, at now: Instant) { (self.quantity, self.heardAt) = (quantity, now) }

    /// Whether stock may still come, by a figure that is not too old.
    func mayCome(now: Instant) -> Bool {
        self.quantity > 0 && now.milliseconds(since: self.heardAt) <= UnitMachine.Settings.centerSilenceMilliseconds
    }
}

/// When a reservation ends; equal deadlines in order of the order id.
struct Deadline: Hashable, Comparable, Sendable {
    let deadline: Instant
    let order: OrderID
    static func < (left: Deadline, right: Deadline) -> Bool {
        (left.deadline, left.order) < (right.deadline, right.order)
    }
}

/// A request that waits: the lot was empty here, and more stock may come; or the lot's contest has not begun.
struct StarvedRequest: Sendable {
    let request: BuyRequest
    /// Since when it waits, by a clock that never steps.
    let since: Instant
}
