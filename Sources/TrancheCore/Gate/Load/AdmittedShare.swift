/// Sheds requests under overload: the least valuable first, in steps, and never the protected ones.
///
/// Source: Zhou et al., "Overload Control for Scaling WeChat Microservices" (DAGOR), SoCC 2018. From there: the only sign of
/// overload is the time that requests wait before work on them begins, not the time of answers; 20 ms of it; a decision
/// after each second or each 2,000 requests, whichever is first; down by 5 %, up by 1 %. Different here: few classes and a
/// share instead of a histogram of priorities, because a process has few kinds of work that it can refuse.
///
/// The processor is no sign. A process at 100 % whose requests wait for 1 ms does all that is asked of it, and shedding would
/// only take work from it. Its use is told to the center instead (``LoadFigures``), so that a line lets fewer in.
///
/// Each class has an equal part of the share. With five of them, at 90 % half of the least valuable class is shed, at 80 %
/// all of it; below 20 % the most valuable one is shed, too.
package struct AdmittedShare: Hashable, Sendable {
    package static let waitingLimitMilliseconds = 20
    package static let windowMilliseconds: Int64 = 1_000
    /// A window with this many requests ends at once: in a storm a second is long.
    package static let windowRequests = 2_000
    /// A share below this one would need minutes to recover.
    package static let lowestPermille = 50

    /// The part of the work that is admitted, `lowestPermille...1_000`.
    package private(set) var permille = 1_000
    /// The kinds of work that the process can shed, from the least to the most valuable.
    private let classes: [GateRequestClass]
    private var windowStart: Instant?
    private var waitingSum = 0
    private var requests = 0
    private var observations = 0

    /// - Parameter classes: The kinds of work that the process can shed; a class that it does not have would take steps in
    ///   which nothing is shed.
    package init(classes: [GateRequestClass] = GateRequestClass.allCases) {
        self.classes = classes.filter { !$0.isProtected }.sorted()
    }

    /// Takes in one measurement, several times a second; after each window the share moves by one step.
    ///
    /// - Parameters:
    ///   - waitingMilliseconds: How long requests waited before work on them began; 0 without requests.
    ///   - requests: Requests that came since the last measurement.
    ///   - now: By a clock that never steps.
    package mutating func observe(waitingMilliseconds: Int, requests: Int = 0, now: Instant) {
        // A measurement above a minute is as bad as a minute, and the sums do not overflow.
        self.waitingSum += min(max(0, waitingMilliseconds), 60_000)
        self.requests += min(max(0, requests), Self.windowRequests)
        self.observations += 1
        guard let start = self.windowStart, now >= start else {
            self.windowStart = now
            return
        }
        guard now.milliseconds(since: start) >= Self.windowMilliseconds || self.requests >= Self.windowRequests else {
            return
        }
        // Sums are compared, so that no average is rounded down to its limit.
        let isOverloaded = self.waitingSum > Self.waitingLimitMilliseconds * self.observations
        self.permille =
            isOverloaded
            ? max(Self.lowestPermille, self.permille - (self.permille + 19) / 20)
            : min(1_000, self.permille + 10)
        self.windowStart = now
        (self.waitingSum, self.requests, self.observations) = (0, 0, 0)
    }

    /// Admits everything again, where it is known that all of it can be done.
    package mutating func restore() { self.permille = 1_000 }

    /// - Parameter draw: Random bits, or better a hash of the session and the hour: then the same buyers are admitted
    ///   from call to call, and finish what they began, while chances change from hour to hour (DAGOR's user priority).
    package func admits(_ request: GateRequestClass, draw: UInt32) -> Bool {
        let admitted = self.permille(of: request)
        return UInt64(draw) * 1_000 < UInt64(admitted) << 32
    }

    /// The admitted part of one class; all of it for a class that is never shed here.
    package func permille(of request: GateRequestClass) -> Int {
        guard let place = self.classes.firstIndex(of: request) else { return 1_000 }
        // The most valuable class has the lowest part of the share, and so loses it last.
        let below = (self.classes.count - 1 - place) * 1_000
        return min(1_000, max(0, self.permille * self.classes.count - below))
    }
}
