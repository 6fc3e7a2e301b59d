import CNotify
import Foundation
package import Logging
import ServiceLifecycle
import Synchronization
import TrancheCore

/// The last sign of life of the thread on which a process depends.
package final class Pulse: Sendable {
    private let last = Atomic<Int64>(0)
    package init() {}

    package func beat() { self.last.store(SystemClock.monotonic().microseconds, ordering: .relaxed) }

    /// Milliseconds since the last beat; `nil` before the first one.
    package var silence: Int64? {
        let last = self.last.load(ordering: .relaxed)
        return last == 0 ? nil : (SystemClock.monotonic().microseconds - last) / 1_000
    }
}

/// Tells the service manager that this process serves, that it is alive, and that it stops (sd_notify(3)).
///
/// The manager is told nothing while the thread on which the process depends makes no step: then it ends the process and
/// starts it again. Without `NOTIFY_SOCKET` nothing is sent.
package struct ServiceNotice: Service {
    /// Pause between two looks before the process serves.
    static let everyMilliseconds = 100

    private let path: String
    private let watchdogMilliseconds: Int64?
    private let isServing: @Sendable () -> Bool
    private let pulse: Pulse?
    private let logger: Logger

    /// - Parameters:
    ///   - isServing: Whether the process takes connections.
    ///   - pulse: `nil` if the process depends on no thread of its own.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment, pulse: Pulse? = nil, logger: Logger,
        isServing: @escaping @Sendable () -> Bool = { true }
    ) {
        self.path = environment["NOTIFY_SOCKET"] ?? ""
        // WATCHDOG_PID names the process that is meant, if it is set.
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        self.watchdogMilliseconds =
            isMeant ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.map { max(2, $0 / 1_000) } : nil
        (self.isServing, self.pulse, self.logger) = (isServing, pulse, logger)
    }

    package func run() async throws {
        guard !self.path.isEmpty else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled, !self.isServing() {
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
            if !Task.isCancelled { self.send("READY=1") }
            guard let limit = self.watchdogMilliseconds else {
                try? await Task.sleep(for: .seconds(Int64(Int32.max)))
                return
            }
            while !Task.isCancelled {
                if self.pulse?.silence ?? 0 < limit { self.send("WATCHDOG=1") }
                try? await Task.sleep(for: .milliseconds(limit / 3))
            }
        }
        self.send("STOPPING=1")
    }

    private func send(_ text: String) {
        let code = cnotify_send(self.path, text)
        if code != 0 {
            self.logger.warning(
                "the service manager was not told", metadata: ["text": "\(text)", "code": "\(code)"])
        }
    }
}
