/// The uncertainty of a unit's wall clock, and whether the clock has been falsified.
///
/// The kernel's own estimate sets the uncertainty. Round trips to the coordinator bound an offset only by half of their
/// delay, so they never set a clock. A clock outside these bounds is surely wrong (Mills, RFC 5905,
/// section 8, for the four stamps; Marzullo and Owicki, PODC 1983, for the intersection).
package struct ClockCheck: Sendable {
    package enum State: String, Hashable, Sendable, Codable, CaseIterable {
        case synced
        /// Not synchronised, or it stepped: the uncertainty is a configured value, not a measured one.
        case degraded
        /// A round trip has falsified it: the unit leaves the contest, and sells locally.
        case untrusted
    }
    package struct Settings: Sendable {
        package var floorMicroseconds: Int64 = 500
        /// Growth of the uncertainty since the kernel's last report, in microseconds per second.
        package var driftPerSecond: Int64 = 200
        /// The uncertainty while the kernel reports an unsynchronised clock.
        package var unsynchronisedMicroseconds: Int64 = 1_000
        /// A jump of the wall clock against the monotonic one that counts as a step, in microseconds.
        package var stepMicroseconds: Int64 = 5_000
        /// How long a step keeps the clock degraded, and a round trip is remembered, in milliseconds.
        package var memoryMilliseconds: Int64 = 20_000
        package init() {}
    }
    /// The kernel's report.
    package struct Kernel: Hashable, Sendable {
        package let isSynchronised: Bool
        package let errorMicroseconds: Int64
        package init(isSynchronised: Bool, errorMicroseconds: Int64) {
            self.isSynchronised = isSynchronised
            self.errorMicroseconds = errorMicroseconds
        }
    }
    /// One round trip: sent and received by this clock, received and sent by the other one.
    package struct RoundTrip: Hashable, Sendable {
        package let offsetMicroseconds: Int64
        package let delayMicroseconds: Int64
        let at: Instant

        /// - Parameters:
        ///   - sent: By this clock; then `received` and `answered` by the other clock; then `heard` by this clock.
        package init(sent: Instant, received: Instant, answered: Instant, heard: Instant) {
            // Two of them come from the wire: an impossible value means a wrong clock, and must not stop the process.
            let there = received.microseconds &- sent.microseconds
            let back = answered.microseconds &- heard.microseconds
            self.offsetMicroseconds = there / 2 &+ back / 2
            self.delayMicroseconds = max(0, there &- back)
            self.at = heard
        }
    }

    static let roundTripsLimit = 64

    package let settings: Settings
    private var kernel: Kernel?
    private var kernelAt = Instant.distantPast
    private var lastWall: Instant?
    private var lastMonotonic = Instant.distantPast
    private var steppedAt: Instant?
    private var roundTrips: [RoundTrip] = []
    package private(set) var steps = 0

    package init(settings: Settings = Settings()) { self.settings = settings }

    /// Takes in the kernel's report, and looks for a step. All arguments are of the same instant.
    ///
    /// - Parameter monotonic: A clock that never steps, from any origin.
    package mutating func observe(kernel: Kernel?, wall: Instant, monotonic: Instant) {
        if let last = self.lastWall {
            let moved =
                (wall.microseconds - last.microseconds) - (monotonic.microseconds - self.lastMonotonic.microseconds)
            if abs(moved) > self.settings.stepMicroseconds {
                self.steps += 1
                self.steppedAt = monotonic
                self.roundTrips = []
            }
        }
        (self.lastWall, self.lastMonotonic) = (wall, monotonic)
        if let kernel { (self.kernel, self.kernelAt) = (kernel, monotonic) }
    }

    package mutating func observe(_ roundTrip: RoundTrip) {
        self.roundTrips.removeAll {
            abs(roundTrip.at.milliseconds(since: $0.at)) > self.settings.memoryMilliseconds
        }
        if self.roundTrips.count >= Self.roundTripsLimit {
            // The slowest round trip bounds the least.
            let slowest = self.roundTrips.indices.max {
                self.roundTrips[$0].delayMicroseconds < self.roundTrips[$1].delayMicroseconds
            }
            if let slowest { self.roundTrips.remove(at: slowest) }
        }
        self.roundTrips.append(roundTrip)
    }

    /// `eps`, in microseconds.
    package var uncertaintyMicroseconds: Int64 {
        let age = max(0, self.lastMonotonic.milliseconds(since: self.kernelAt)) / 1_000
        let base =
            self.kernel?.isSynchronised == true
            ? self.kernel!.errorMicroseconds + age * self.settings.driftPerSecond
            : self.settings.unsynchronisedMicroseconds
        return max(self.settings.floorMicroseconds, base)
    }

    /// The fastest round trip that is remembered.
    package var best: RoundTrip? { self.roundTrips.min { $0.delayMicroseconds < $1.delayMicroseconds } }

    package var state: State {
        let bound = 2 * self.uncertaintyMicroseconds
        if let best, best.offsetMicroseconds.magnitude > UInt64(best.delayMicroseconds / 2 + bound) {
            return .untrusted
        }
        let isFresh =
            self.steppedAt.map {
                self.lastMonotonic.milliseconds(since: $0) < self.settings.memoryMilliseconds
            } ?? false
        return self.kernel?.isSynchronised == true && !isFresh ? .synced : .degraded
    }
}
