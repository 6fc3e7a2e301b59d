import Foundation

/// Whatever a measurement has started is stopped: at its end, after an error, and when somebody presses Ctrl-C.
enum Stopping {
    @TaskLocal static var interrupt: Interrupt?

    static func run<Value>(
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
