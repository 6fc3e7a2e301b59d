import DaemonSupport
import Foundation
import ServiceLifecycle

/// Sets the wall clock of this process wrong while it runs, by an offset in a file: for tests and rehearsals of clocks
/// that step.
struct ClockSteps: Service {
    static let everyMilliseconds = 100
    /// Empty: the clock is never stepped.
    let path: String

    func run() async throws {
        guard !self.path.isEmpty else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if let text = try? String(contentsOfFile: self.path, encoding: .utf8),
                    let offset = Int64(text.trimmingCharacters(in: .whitespacesAndNewlines))
                {
                    SystemClock.offsetMicroseconds = offset
                }
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }
}
