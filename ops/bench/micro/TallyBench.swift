import DaemonSupport

/// What a purchase costs its thread for the figures.
enum TallyBench {
    static func purchase() -> Benchmark {
        var families = Families()
        let purchases = families.histogram(
            "purchase_seconds", "For a benchmark.", label: "outcome", values: ["reserved", "refused"])
        let refusals = families.counter("refusals_total", "For a benchmark.", label: "code", values: ["sold_out"])
        let tally = Telemetry().add(families).tally()
        var microseconds: Int64 = 0
        return Benchmark(name: "count a purchase and a refusal", allocationsLimit: 0, operations: 1) {
            microseconds = (microseconds + 97) % 40_000
            tally.observe(purchases, 1, microseconds: microseconds)
            tally.count(refusals)
        }
    }
}
