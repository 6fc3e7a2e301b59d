import DaemonSupport
import TrancheCore

/// What the keeper of the authority counts.
struct KeeperMeters: Sendable {
    private let appends: HistogramFamily
    private let failures: CounterFamily
    private let tally: Tally

    init(_ telemetry: Telemetry) {
        var families = Families()
        self.appends = families.histogram(
            "tranche_log_append_duration_seconds",
            "One transaction of the authority's log: mostly the wait for its disk.")
        self.failures = families.counter(
            "tranche_log_failures_total", "Transactions of the authority's log that failed.")
        self.tally = telemetry.add(families).tally()
    }

    func appended(since begin: Instant) {
        self.tally.observe(
            self.appends, microseconds: SystemClock.monotonic().microseconds - begin.microseconds)
    }

    func failed() { self.tally.count(self.failures) }
}
