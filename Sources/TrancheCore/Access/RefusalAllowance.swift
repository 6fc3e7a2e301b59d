/// How many refused attempts get a line in the audit trail. Others are only counted, and the next line says how many: nobody
/// can fill a disk by being refused.
package struct RefusalAllowance: Hashable, Sendable {
    /// Attempts of one operator who has proved who that is: 1,440 lines a day at most.
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

/// The allowances of all callers. One operator's many attempts take no line from another one.
package struct RefusalAllowances: Hashable, Sendable {
    package enum Caller: Hashable, Sendable {
        /// Somebody of the list of operators, who has proved it.
        case listed(String)
        /// Somebody with a good certificate, whose name is not in the list. All of them share an allowance: an authority
        /// can issue any number of names.
        case unlisted
        /// Somebody who only says a name.
        case stranger
    }
    /// Names with an allowance of their own. Later ones share that of names that are not in the list.
    package static let namesLimit = OperatorList.limit

    private var listed: [String: RefusalAllowance] = [:]
    private var unlisted = RefusalAllowance.known
    private var strangers = RefusalAllowance.strangers

    package init() {}

    /// Counts one attempt, as ``RefusalAllowance/count(now:)`` does.
    package mutating func count(_ caller: Caller, now: Instant) -> Int? {
        switch caller {
        case .listed(let name) where self.listed[name] != nil || self.listed.count < Self.namesLimit:
            self.listed[name, default: .known].count(now: now)
        case .listed, .unlisted: self.unlisted.count(now: now)
        case .stranger: self.strangers.count(now: now)
        }
    }
}
