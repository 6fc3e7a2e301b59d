/// Stops the processes of a measurement: at its end, after an error, and at Ctrl-C.
package enum Stopping {
    @TaskLocal package static var interrupt: Interrupt?

    package static func run<Value>(
        _ stop: @escaping @Sendable () async -> Void, _ body: () async throws -> Value
    ) async throws -> Value {
        self.interrupt?.onInterrupt(stop)
        defer { self.interrupt?.onInterrupt(nil) }
        do {
            let value = try await body()
            await stop()
            return value
        } catch {
            await stop()
            throw error
        }
    }
}
