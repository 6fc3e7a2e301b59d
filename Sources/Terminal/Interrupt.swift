import Foundation
import NIOConcurrencyHelpers

/// Ctrl-C of a long command: stops what runs at the moment, and ends.
package final class Interrupt: Sendable {
    private let cleanUp = NIOLockedValueBox<(@Sendable () async -> Void)?>(nil)
    private let task = NIOLockedValueBox<Task<Void, Never>?>(nil)

    package init() {
        signal(SIGPIPE, SIG_IGN)
        let signals = StopSignals()
        let watch = Task {
            await signals.wait()
            if Task.isCancelled { return }
            Output.line("stopping …")
            await self.cleanUp.withLockedValue { $0 }?()
            Foundation.exit(130)
        }
        self.task.withLockedValue { $0 = watch }
    }

    /// What to do from now on; `nil` for nothing.
    package func onInterrupt(_ cleanUp: (@Sendable () async -> Void)?) { self.cleanUp.withLockedValue { $0 = cleanUp } }

    package func end() { self.task.withLockedValue { $0 }?.cancel() }
}
