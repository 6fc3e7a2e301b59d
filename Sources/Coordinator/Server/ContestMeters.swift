import DaemonSupport
import TrancheCore

/// What a leader counts for the decisions of contests.
struct ContestMeters: Sendable {
    private let decisions: HistogramFamily
    private let commits: HistogramFamily
    private let calls: HistogramFamily
    private let tally: Tally

    init(_ telemetry: Telemetry) {
        var families = Families()
        self.decisions = families.histogram(
            "tranche_contest_decision_duration_seconds",
            "From a request's stamp at its unit to the decision about it in the log.")
        self.commits = families.histogram(
            "tranche_contest_commit_duration_seconds", "From a decision to its place in the center's log.")
        self.calls = families.histogram("tranche_center_call_duration_seconds", "Calls to the center.")
        self.tally = telemetry.add(families).tally()
    }

    /// - Parameter now: By the clock of stamps. One that is wrong makes the durations wrong by as much.
    func decided(_ batch: ContestBatch, now: Instant) {
        for entrant in batch.passed {
            self.tally.observe(
                self.decisions, microseconds: now.microseconds &- entrant.stamp.instant.microseconds)
        }
    }

    func committed(since begin: Instant) { self.observe(self.commits, begin) }
    func called(since begin: Instant) { self.observe(self.calls, begin) }

    private func observe(_ family: HistogramFamily, _ begin: Instant) {
        self.tally.observe(family, microseconds: SystemClock.monotonic().microseconds - begin.microseconds)
    }
}
