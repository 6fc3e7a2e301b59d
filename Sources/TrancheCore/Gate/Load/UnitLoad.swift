/// The load of one unit, and what it refuses for it.
///
/// Two rules. Requests that wait for longer than 20 ms lower the admitted share (``AdmittedShare``): first new streams of
/// events, then the states of lots, then new purchases. And no lot may have more requests waiting than the unit answers in
/// a moment (``room``), because the share needs some windows to follow a storm, and by then a queue of seconds would have
/// grown. Payments, cancellations, known orders and copies of a request under way never come here.
package struct UnitLoad: Sendable {
    /// What the engine measured since the last time.
    package struct Measurement: Hashable, Sendable {
        /// How long requests waited before work on them began, on the average.
        package let waitedMicroseconds: Int64
        /// Requests that admission has answered.
        package let answered: Int
        /// The use of the processors that the unit may use.
        package let usePermille: Int
        package init(waitedMicroseconds: Int64, answered: Int, usePermille: Int) {
            self.waitedMicroseconds = waitedMicroseconds
            self.answered = answered
            self.usePermille = usePermille
        }
    }

    /// All lots together may have as many requests waiting as the unit answers in this time; a lot alone, half of them.
    package static let roomMilliseconds = 150
    /// Less room would refuse what fits into two steps.
    package static let leastRoom = 2 * Limits.requestsPerStep
    package static let mostRoom = Limits.waitingRequests
    /// The work that a unit can shed, from the least to the most valuable.
    package static let classes: [GateRequestClass] = [.events, .status, .purchase]
    private static let refusalSlots = 1 << 16
    private static let ordersPerSlot = 4

    package private(set) var share = AdmittedShare(classes: UnitLoad.classes)
    package private(set) var capacity = CapacityEstimate()
    /// Requests of all lots that may wait for a decision.
    package private(set) var room: Int
    /// Requests that were refused for the load, ever.
    package private(set) var shedCount = 0
    /// The average wait in the last window of a second: what a report says. One stall of a disk is not a second of waiting.
    private var waitingMilliseconds = 0
    private var waits = (sum: 0, count: 0)
    private var usePermille = 0
    private let retry = RetryAfter()
    private let salt: UInt64
    /// Requests since the last measurement: all, and those for admission.
    private var handedIn = 0
    private var offered = 0
    private var offeredInWindow = 0
    /// How often each order was refused in a row; several orders share a slot, and then the pauses of some are longer
    /// than they need to be. Empty while nothing is refused.
    private var refusals: [UInt8] = []
    /// Requests that were refused lately: so many will come back.
    private var shedLately = 0

    /// - Parameter salt: Drawn by the process, so that nobody can choose ids that are always admitted.
    package init(salt: UInt64) {
        self.salt = salt
        self.room = Self.mostRoom
    }

    package var figures: LoadFigures {
        LoadFigures(
            capacityPerSecond: self.capacity.perSecond,
            waitingMilliseconds: self.waitingMilliseconds,
            cpuPermille: self.usePermille)
    }

    /// Counts requests that came, whatever their answers.
    package mutating func countArrivals(_ count: Int) { self.handedIn += count }

    /// Admits or sheds a new purchase: one that is not known, and has no copy under way. It counts as offered, and if it is
    /// shed, as shed.
    ///
    /// - Returns: `nil` if it is admitted.
    package mutating func admitOrShed(_ order: OrderID, now: Instant) -> Refusal? {
        self.offered += 1
        if self.share.permille == 1_000 { return nil }
        let draw = UInt32(truncatingIfNeeded: self.hash(order, now) >> 32)
        return self.share.admits(.purchase, draw: draw) ? nil : self.shed(order, now: now)
    }

    /// Admits or sheds a request that only informs.
    ///
    /// - Parameter draw: Random bits.
    /// - Returns: `nil` if it is admitted.
    package mutating func admitOrShed(_ request: GateRequestClass, draw: UInt64) -> Refusal? {
        if self.share.admits(request, draw: UInt32(truncatingIfNeeded: draw)) { return nil }
        self.shedCount += 1
        let pause = self.retry.milliseconds(refusals: 0, draw: draw >> 32)
        return .shed(retryAfterSeconds: RetryAfter.seconds(milliseconds: pause))
    }

    /// Sheds a new purchase, and says when to come again: later each time, and not all at once. A crowd that was refused
    /// together is spread over the time in which the unit can answer all of it.
    package mutating func shed(_ order: OrderID, now: Instant) -> Refusal {
        self.shedCount += 1
        let hash = self.hash(order, now)
        if self.refusals.isEmpty { self.refusals = Array(repeating: 0, count: Self.refusalSlots) }
        let slot = Int(hash % UInt64(Self.refusalSlots))
        let before = Int(self.refusals[slot])
        self.refusals[slot] = UInt8(min(before + 1, 16))
        // Orders, not requests: a script that repeats one order does not make the others wait. A few orders may share a slot.
        if before < Self.ordersPerSlot { self.shedLately += 1 }
        let draw = HashIndex.mix(hash &+ UInt64(before))
        let pause = max(
            self.retry.milliseconds(refusals: before, draw: draw),
            self.retry.milliseconds(ahead: self.shedLately, perMinute: self.capacity.perSecond * 60, draw: draw))
        return .shed(retryAfterSeconds: RetryAfter.seconds(milliseconds: pause))
    }

    /// Takes in one measurement, several times a second.
    ///
    /// - Parameter now: By a clock that never steps.
    package mutating func observe(_ measurement: Measurement, now: Instant) {
        let waited = Int(min(max(0, measurement.waitedMicroseconds), 60_000_000) + 500) / 1_000
        (self.waits.sum, self.waits.count) = (self.waits.sum + waited, self.waits.count + 1)
        self.share.observe(waitingMilliseconds: waited, requests: self.offered, now: now)
        self.offeredInWindow += self.offered
        let hasEnded = self.capacity.observe(
            answered: measurement.answered, handedIn: self.handedIn, usePermille: measurement.usePermille, now: now)
        (self.handedIn, self.offered) = (0, 0)
        self.usePermille = measurement.usePermille
        if hasEnded { self.endWindow() }
    }

    private mutating func endWindow() {
        // Rounded up, so that no average is rounded down to the limit.
        self.waitingMilliseconds = (self.waits.sum + self.waits.count - 1) / self.waits.count
        self.waits = (0, 0)
        let isLate = self.waitingMilliseconds > AdmittedShare.waitingLimitMilliseconds
        if isLate {
            // While requests wait, what was answered is what the unit can do at this moment.
            self.room = Self.room(perSecond: self.capacity.answeredPerSecond)
        } else {
            // A unit that has not been busy yet does not know itself, and takes the first crowd of a sale as it comes.
            self.room = self.capacity.isMeasured ? Self.room(perSecond: self.capacity.perSecond) : Self.mostRoom
        }
        // The step of 1 % a second would refuse buyers for a minute after a storm, although there is room for all.
        if !isLate, self.offeredInWindow * 2 <= self.capacity.perSecond {
            self.share.restore()
        }
        self.offeredInWindow = 0
        self.shedLately /= 2
        if self.shedLately == 0 { self.refusals = [] }
    }

    private static func room(perSecond: Int) -> Int {
        min(max(perSecond * self.roomMilliseconds / 1_000, self.leastRoom), self.mostRoom)
    }

    /// The same for an order from call to call, so that a buyer who was admitted can finish; another one in the next hour,
    /// so that nobody is refused for a whole sale.
    private func hash(_ order: OrderID, _ now: Instant) -> UInt64 {
        let hour = UInt64(bitPattern: now.microseconds / 3_600_000_000)
        return HashIndex.mix(HashIndex.mix(order.high ^ self.salt) ^ order.low &+ hour)
    }
}
