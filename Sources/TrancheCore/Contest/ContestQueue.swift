/// A unit's side of the contest of one lot: the candidates to forward, and the answers received.
///
/// The queue itself is in the unit's book, so that it survives the process. This is the further state of a process.
struct ContestQueue: Sendable {
    /// Pause between two reports while requests wait, in milliseconds.
    static let reportMilliseconds: Int64 = 5
    /// The same while no stock can be won, and while there is no contest.
    static let slowMilliseconds: Int64 = 100
    static let idleMilliseconds: Int64 = 1_000
    /// After this long without progress, candidates are sent again, in milliseconds. The link reports a failed call at
    /// once; this covers losses that the link does not see.
    static let resendMilliseconds: Int64 = 400

    enum Phase: Hashable, Sendable {
        /// After a restart: the coordinator has not said how many can still win. Can transition to: `joined`.
        case asking
        case joined
    }

    var phase: Phase
    /// Requests stamped up to here have been handled.
    var watermark = Stamp.zero
    /// Candidates below this index are decided.
    var base = 0
    /// Candidates that the coordinator has received without a gap, and those sent to it.
    var acknowledged = 0
    var sent = 0
    /// When the coordinator last received a new candidate, or no candidate was under way.
    var progressAt = Instant.distantPast
    var allowance: Int
    var heard = 0
    /// Orders that the verdicts so far have put into the line: what they get later is an offer. A process hears all verdicts from the
    /// first one on.
    var lined: Set<OrderID> = []
    /// The leader of the numbers above.
    var epoch = Epoch(0)

    init(phase: Phase, allowance: Int) {
        self.phase = phase
        self.allowance = allowance
    }

    /// A new leader knows the log only: the numbers start again.
    mutating func follow(_ epoch: Epoch) {
        guard epoch > self.epoch else { return }
        self.epoch = epoch
        self.acknowledged = self.base
        self.sent = self.base
    }

    /// Requests stamped up to here have been handled. Before the unit has joined, it promises nothing.
    mutating func raise(_ watermark: Stamp) {
        guard self.phase == .joined else { return }
        self.watermark = max(self.watermark, watermark)
    }

    /// Which of `count` candidates the next report carries.
    mutating func send(upTo count: Int, atMost room: Int, now: Instant) -> Range<Int> {
        self.acknowledged = max(self.acknowledged, self.base)
        let isStuck = now.milliseconds(since: self.progressAt) >= Self.resendMilliseconds
        if self.sent < self.acknowledged || isStuck { self.sent = self.acknowledged }
        if self.sent == self.acknowledged { self.progressAt = now }
        let first = self.sent
        let last = min(count, first + room)
        self.sent = max(self.sent, last)
        return min(first, last)..<last
    }

    /// Takes in the coordinator's reply.
    ///
    /// - Returns: Verdicts that are new; `nil` if the coordinator could not place the report, which is sent again.
    mutating func heard(_ reply: ContestReply.Lot, now: Instant) -> ArraySlice<Verdict>? {
        guard reply.isTaken else {
            self.sent = self.acknowledged
            return nil
        }
        if reply.next > self.acknowledged { self.progressAt = now }
        self.acknowledged = max(self.acknowledged, reply.next)
        self.allowance = max(self.allowance, reply.allowance)
        return reply.from <= self.heard ? reply.verdicts.dropFirst(self.heard - reply.from) : []
    }
}
