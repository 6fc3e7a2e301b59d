extension Telemetry {
    /// Publishes how busy a process is. Gates and units have the same four series.
    ///
    /// - Parameters:
    ///   - share: The part of the work that is admitted, in thousandths.
    ///   - waiting: How long requests wait before work on them begins, in milliseconds.
    ///   - processor: The use of the processors that the process may use, in thousandths. Clocks are not read at the same
    ///     moment, so it may be a little above 1,000; it is published as 1 then.
    ///   - shed: Requests that were refused for the load, since the start.
    package func setLoad(share: Int, waiting: Int, processor: Int, shed: Int) {
        self.set(
            "tranche_admitted_share", "The part of the work that is admitted, from 0 to 1.", to: Double(share) / 1_000)
        self.set(
            "tranche_waiting_seconds", "How long requests wait before work on them begins.", to: Double(waiting) / 1_000
        )
        self.set(
            "tranche_processor_use", "The use of the processors that the process may use, from 0 to 1.",
            to: Double(min(max(0, processor), 1_000)) / 1_000)
        self.total("tranche_shed_total", "Requests that were refused for the load.", to: Double(shed))
    }
}
