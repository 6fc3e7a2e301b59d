/// How many refused attempts get a line in the audit trail. Others are only counted, and the next line says how many: nobody
/// can fill a disk by being refused.
package struct RefusalAllowance: Hashable, Sendable {
    /// Attempts of operators who have proved who they are: 1,440 lines a day at most.
    package static let known = RefusalAllowance(burst: 30, everyMilliseconds: 60_000)
    /// Attempts of callers who only say a name that is known: 144 lines a day at most.
    package static let strangers = RefusalAllowance(burst: 10, everyMilliseconds: 600_000)

    private let burst: Int64
    private let everyMilliseconds: Int64
    /// Milliseconds towards lines: each one costs ``everyMilliseconds``.
    private var credit: Int64
    private var last: Instant?
    /// Attempts without a line since the last one.
    private var left = 0

    package init(burst: Int64, everyMilliseconds: Int64) {
        (self.burst, self.everyMilliseconds) = (burst, everyMilliseconds)
        self.credit = burst * everyMilliseconds
    }

    /// Counts one attempt.
    ///
    /// - Parameter now: By the clock that never steps.
    /// - Returns: How many attempts before it got no line; `nil` if this one gets none either.
    package mutating func count(now: Instant) -> Int? {
        let passed = self.last.map { max(0, now.milliseconds(since: $0)) } ?? 0
        self.last = now
        let most = self.burst * self.everyMilliseconds
        self.credit = min(most, self.credit + min(most, passed))
        guard self.credit >= self.everyMilliseconds else {
            self.left += 1
            return nil
        }
        self.credit -= self.everyMilliseconds
        defer { self.left = 0 }
        return self.left
    }
}
