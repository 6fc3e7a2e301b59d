extension Telemetry {
    /// Publishes how full a queue is.
    ///
    /// - Parameter queue: Its name: one of a few that the code has.
    package func setQueue(_ queue: String, length: Int, limit: Int) {
        self.set("tranche_queue_length", "What waits in a queue.", labels: "queue=\"\(queue)\"", to: Double(length))
        self.set(
            "tranche_queue_limit", "What may wait in a queue; what comes beyond it is refused.",
            labels: "queue=\"\(queue)\"", to: Double(limit))
    }
}
