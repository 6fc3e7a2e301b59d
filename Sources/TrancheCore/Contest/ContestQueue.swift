/// A unit's side of the contest of one lot: what it has to forward, and what it has heard.
///
/// The queue itself is in the unit's book, so that it survives the process; this is what a process knows beside it.
struct ContestQueue: Sendable {
    /// Pause between two reports while somebody waits, in milliseconds.
    static let exchangeMilliseconds: Int64 = 5
    /// The same while nothing can be won, and while there is no contest at all.
    static let slowMilliseconds: Int64 = 100
    static let idleMilliseconds: Int64 = 1_000
    /// After this long without progress, candidates are sent again, in milliseconds. The link says at once when a call
    /// fails; this is for what it cannot know.
    static let resendMilliseconds: Int64 = 400

    enum Phase: Hashable, Sendable {
        /// Local sales that were under way at the switch have not finished.
        case draining
        /// After a restart: the coordinator has not said how many can still win.
        case asking
        case joined
    }

    var phase: Phase
    /// Requests stamped up to here have been handled.
    var watermark = Stamp.zero
    /// Candidates below this index are decided.
    var base = 0
    /// Candidates that the coordinator has received without a gap, and those that were sent to it.
    var acknowledged = 0
    var sent = 0
    /// When the coordinator last received something new, or nothing was under way.
    var progressAt = Instant.distantPast
    var allowance: Int
    var heard = 0
    /// The leader that the numbers above belong to.
    var epoch = Epoch(0)
    var mayReturn = 0

    init(phase: Phase, allowance: Int) {
        self.phase = phase
        self.allowance = allowance
    }

    /// A new leader knows the log only: begin again.
    mutating func follow(_ epoch: Epoch) {
        guard epoch > self.epoch else { return }
        self.epoch = epoch
        self.acknowledged = self.base
        self.sent = self.base
    }
}
