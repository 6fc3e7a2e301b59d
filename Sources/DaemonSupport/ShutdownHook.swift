import ServiceLifecycle

/// Waits for graceful shutdown, then runs `stop`.
package struct ShutdownHook: Service {
    private let stop: @Sendable () async -> Void
    package init(_ stop: @escaping @Sendable () async -> Void) { self.stop = stop }
    package func run() async throws {
        try? await gracefulShutdown()
        await self.stop()
    }
}
