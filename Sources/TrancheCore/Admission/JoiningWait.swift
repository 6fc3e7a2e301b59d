/// Decides whether a round waits for more requests before its commit.
///
/// A commit to a replica behind a network takes milliseconds, however little is in it, and the next one starts after it. Buyers
/// who were just answered ask again within a fraction of that time. A round that starts without them makes them wait for a whole
/// commit more, and half-full commits follow one another as long as the crowd lasts.
///
/// The wait goes in short steps. The next step is worth its time if it costs those who wait less than it saves those who join.
/// As many are expected in it as have come in the last one.
package struct JoiningWait: Sendable {
    package static let stepMicroseconds: Int64 = 100
    /// A shorter commit costs less than the look-out for others.
    package static let leastCommitMicroseconds: Int64 = 1_000

    /// Four times a moving average of the last commits, of which each has a quarter of the weight.
    private var fourCommits: Int64 = 0
    private var commitMicroseconds: Int64 { self.fourCommits / 4 }
    /// Requests that waited at the last look of this round.
    private var seen = 0
    private var steps: Int64 = 0

    package init() {}

    /// Whether commits take so long that a round should look out for others.
    package var isWorthwhile: Bool { self.commitMicroseconds >= Self.leastCommitMicroseconds }

    package mutating func committed(inMicroseconds microseconds: Int64) {
        self.fourCommits += max(0, microseconds) - self.commitMicroseconds
    }

    /// A new round starts: nobody has been seen yet.
    package mutating func start() { (self.seen, self.steps) = (0, 0) }

    /// Whether the round should wait one step more. At most a quarter of a commit passes in this way.
    ///
    /// - Parameter waiting: Requests that wait for this round at present.
    package mutating func waits(waiting: Int) -> Bool {
        let joined = waiting - self.seen
        self.seen = waiting
        guard self.isWorthwhile, joined > 0, waiting < Limits.requestsPerStep,
            (self.steps + 1) * Self.stepMicroseconds <= self.commitMicroseconds / 4,
            Int64(joined) * self.commitMicroseconds > Int64(waiting) * Self.stepMicroseconds
        else { return false }
        self.steps += 1
        return true
    }
}
