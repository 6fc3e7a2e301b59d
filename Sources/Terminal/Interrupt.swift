import Foundation
import NIOConcurrencyHelpers

/// Ctrl-C in a long command: runs the present clean-up, and ends the command.
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

    /// Sets the clean-up; `nil` for none.
    package func onInterrupt(_ cleanUp: (@Sendable () async -> Void)?) { self.cleanUp.withLockedValue { $0 = cleanUp } }

    package func end() { self.task.withLockedValue { $0 }?.cancel() }
}
