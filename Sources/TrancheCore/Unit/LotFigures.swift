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

/// The center's requests to return quota.
struct Reclaim: Sendable {
    /// The number of the last hint that was followed.
    private(set) var done: UInt64 = 0

    /// - Returns: Whether the hint is a new one. It counts as followed from then on.
    mutating func follow(_ hint: ReclaimHint) -> Bool {
        guard hint.number > self.done else { return false }
        self.done = hint.number
        return true
    }
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

/// A request that waits: the lot was empty here, and more stock may come.
struct HeldRequest: Sendable {
    let request: BuyRequest
    /// Since when it waits, by a clock that never steps.
    let since: Instant
}
