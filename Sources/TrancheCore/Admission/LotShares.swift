/// The requests that wait for a unit's engine, by lot, and whether one more may wait.
///
/// All lots share one room. A lot may use at most as much of it as is still free. So a lot alone can use half of the
/// room, and of two lots that are stormed at the same time each gets a third: a storm leaves room for the other lots,
/// however many lots there are. No lot is refused while less than half of the room is used. (The rule is the dynamic
/// threshold of switches with a shared memory.)
package struct LotShares: Sendable {
    /// Requests of all lots that the room holds.
    package let room: Int
    /// Requests of all lots that wait.
    package private(set) var waiting = 0
    private var waitingByLot: [LotID: Int] = [:]

    package init(room: Int) { self.room = room }

    /// The lot's share at this moment, if it has used all of it: one more request of the lot is refused as overloaded.
    ///
    /// - Returns: `nil` if one more request of the lot may wait.
    package func exhausted(_ lot: LotID) -> Int? {
        let share = self.room - self.waiting
        // A lot has at most what all lots have together, so this is enough to know in almost every case.
        if self.waiting < share { return nil }
        return self.waitingByLot[lot, default: 0] < share ? nil : share
    }

    /// One more request of the lot waits.
    ///
    /// - Precondition: The lot's share is not exhausted.
    package mutating func count(_ lot: LotID) {
        precondition(self.waiting < self.room, "\(self.waiting) requests wait, and the room has \(self.room)")
        self.waiting += 1
        self.waitingByLot[lot, default: 0] += 1
    }

    /// All requests that waited were taken.
    package mutating func reset() {
        self.waiting = 0
        self.waitingByLot.removeAll(keepingCapacity: true)
    }
}
