import Terminal

/// Runs the steps of a measurement, and says every two seconds that a long one still goes on.
struct Steps: Sendable {
    static let pause = Duration.seconds(2)
    /// Nothing is said with `--json`.
    let isQuiet: Bool

    func say(_ text: String) { if !self.isQuiet { Output.line(text) } }

    func run<Value>(_ what: String, _ body: () async throws -> Value) async rethrows -> Value {
        self.say(what + " …")
        let start = ContinuousClock.now
        let ticker = Task {
            while true {
                try await Task.sleep(for: Self.pause)
                self.say("  \(what): \((ContinuousClock.now - start).components.seconds) s")
            }
        }
        defer { ticker.cancel() }
        return try await body()
    }
}
