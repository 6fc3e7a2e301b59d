/// Sheds requests under overload: the least valuable first, in steps, and never the protected ones.
///
/// Source: Zhou et al., "Overload Control for Scaling WeChat Microservices" (DAGOR), SoCC 2018. From there: the sign of
/// overload is the time that requests wait before work on them begins, not the time of answers; 20 ms of it; a decision
/// each second; down by 5 %, up by 1 %. Different here: few classes and a share instead of a histogram of priorities,
/// because a gate has five kinds of work that it can refuse; and the processor as a second sign.
///
/// Each class has an equal part of the share. At 90 % half of the least valuable class is shed, at 80 % all of it; below
/// 20 % orders are shed, too.
package struct AdmittedShare: Hashable, Sendable {
    package static let waitingLimitMilliseconds = 20
    package static let cpuLimitPermille = 850
    package static let windowMilliseconds: Int64 = 1_000
    /// A share below this one would need minutes to recover.
    package static let lowestPermille = 50

    /// The part of the work that is admitted, `lowestPermille...1_000`.
    package private(set) var permille = 1_000
    private var windowStart: Instant?
    private var waitingSum = 0
    private var cpuSum = 0
    private var observations = 0

    package init() {}

    /// Takes in one measurement, several times a second; after each second the share moves by one step.
    ///
    /// - Parameters:
    ///   - waitingMilliseconds: How long the last requests waited before work on them began; 0 without requests.
    ///   - cpuPermille: The use of the processors that the process may use.
    ///   - now: By a clock that never steps.
    package mutating func observe(waitingMilliseconds: Int, cpuPermille: Int, now: Instant) {
        // A measurement above a minute is as bad as a minute, and the sums do not overflow.
        self.waitingSum += min(max(0, waitingMilliseconds), 60_000)
        self.cpuSum += min(max(0, cpuPermille), 1_000)
        self.observations += 1
        guard let start = self.windowStart, now >= start else {
            self.windowStart = now
            return
        }
        guard now.milliseconds(since: start) >= Self.windowMilliseconds else { return }
        // Sums are compared, so that no average is rounded down to its limit.
        let isOverloaded =
            self.waitingSum > Self.waitingLimitMilliseconds * self.observations
            || self.cpuSum > Self.cpuLimitPermille * self.observations
        self.permille =
            isOverloaded
            ? max(Self.lowestPermille, self.permille - (self.permille + 19) / 20)
            : min(1_000, self.permille + 10)
        self.windowStart = now
        (self.waitingSum, self.cpuSum, self.observations) = (0, 0, 0)
    }

    /// - Parameter draw: Random bits, or better a hash of the session and the hour: then the same buyers are admitted
    ///   from call to call, and finish what they began, while chances change from hour to hour (DAGOR's user priority).
    package func admits(_ request: GateRequestClass, draw: UInt32) -> Bool {
        guard !request.isProtected else { return true }
        let admitted = self.permille(of: request)
        return UInt64(draw) * 1_000 < UInt64(admitted) << 32
    }

    /// The admitted part of one class.
    package func permille(of request: GateRequestClass) -> Int {
        guard !request.isProtected else { return 1_000 }
        let classes = GateRequestClass.sheddableCount
        // The most valuable class has the lowest part of the share, and so loses it last.
        let below = (classes - 1 - Int(request.rawValue)) * 1_000
        return min(1_000, max(0, self.permille * classes - below))
    }
}
