/// The requests that wait for a unit's decision, by lot, and whether one more may wait.
///
/// All lots share one room. A lot may use at most as much of it as is still free. So a lot alone can use half of the
/// room, and of two lots that are stormed at the same time each gets a third: a storm leaves room for the other lots,
/// however many lots there are. No lot is refused while less than half of the room is used. (The rule is the dynamic
/// threshold of switches with a shared memory.)
package struct LotShares: Sendable {
    /// Requests of all lots that the room holds. A room that gets smaller keeps those who are in it.
    package var room: Int
    /// Requests of all lots that wait for the engine.
    package private(set) var waiting = 0
    private var waitingByLot: [LotID: Int] = [:]
    /// Requests that the engine has taken, and that may still wait for their decision.
    private var behind = WaitingRequests()

    package init(room: Int) { self.room = room }

    /// The lot's share at this moment, if it has used all of it: one more request of the lot is refused as overloaded.
    ///
    /// - Returns: `nil` if one more request of the lot may wait.
    package func exhausted(_ lot: LotID) -> Int? {
        let all = self.waiting + self.behind.total
        let share = self.room - all
        // A lot has at most what all lots have together, so this is enough to know in almost every case.
        if all < share { return nil }
        return self.waitingByLot[lot, default: 0] + (self.behind.byLot[lot] ?? 0) < share ? nil : max(0, share)
    }

    /// One more request of the lot waits.
    ///
    /// - Precondition: The lot's share is not exhausted.
    package mutating func countWaiting(_ lot: LotID) {
        precondition(self.waiting < self.room, "\(self.waiting) requests wait, and the room has \(self.room)")
        self.waiting += 1
        self.waitingByLot[lot, default: 0] += 1
    }

    /// The engine takes all requests that waited for it.
    ///
    /// - Parameter behind: Requests that it had taken before, and that still wait for their decision.
    package mutating func tookAll(behind: WaitingRequests) {
        var behind = behind
        behind.count(self.waiting, byLot: self.waitingByLot)
        self.reset(behind: behind)
    }

    /// No request waits for the engine, and these wait for their decision.
    package mutating func reset(behind: WaitingRequests = WaitingRequests()) {
        self.waiting = 0
        self.waitingByLot.removeAll(keepingCapacity: true)
        self.behind = behind
    }
}

/// Requests that wait for a decision in the machine: of all lots, and of each lot that has many of them.
package struct WaitingRequests: Hashable, Sendable {
    /// Lots with fewer count with the total only: most rounds have none to name.
    package static let leastOfLot = 64

    package private(set) var total = 0
    package private(set) var byLot: [LotID: Int] = [:]

    package init() {}

    package mutating func count(_ count: Int, of lot: LotID) {
        self.total += count
        if count >= Self.leastOfLot { self.byLot[lot, default: 0] += count }
    }

    fileprivate mutating func count(_ count: Int, byLot: [LotID: Int]) {
        self.total += count
        for (lot, count) in byLot where count >= Self.leastOfLot { self.byLot[lot, default: 0] += count }
    }
}
