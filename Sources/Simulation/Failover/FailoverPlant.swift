/// A mistake that the simulated failovers must find.
package enum FailoverPlant: String, CaseIterable, Sendable {
    /// What is read on a new connection is believed at once.
    case noBarrier
    /// The barrier is confirmed by the primary, and the ledger is read from a standby.
    case readFromReplica
    /// Commits are conditional on nothing: neither on the incarnation nor on the end of the ledger.
    case noFence
    /// Commits are conditional on the incarnation, and not on the end of the ledger.
    case incarnationAlone
    /// A commit that waits for long is cancelled, and the server's `COMMIT` taken at its word.
    case cancelWaitingCommit
    /// A commit in doubt that a barrier does not find is forgotten at once, although it can still arrive.
    case doubtForgotten
}

/// Rare states that many simulated failovers must have reached.
package enum FailoverCoverage {
    /// From this many failovers on, a state that was never reached is a failure of the run.
    package static let failoversNeeded = 10_000

    package static let marks = [
        "a commit in doubt arrived behind the barrier", "a commit in doubt did not last", "a commit in doubt lasted",
        "a killed primary came back as itself", "a standby confirmed, and the answer was lost", "a standby was away",
        "a wait was cancelled", "the old primary lived on", "the wrong standby was found out",
        "the wrong standby was promoted", "two processes of one ledger",
        "an older process was shut out",
    ]

    package static func missing(in marks: some Collection<String>) -> [String] {
        let reached = Set(marks)
        return Self.marks.filter { !reached.contains($0) }
    }
}
