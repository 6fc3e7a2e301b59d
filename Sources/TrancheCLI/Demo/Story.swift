import Foundation
import NIOConcurrencyHelpers
import Terminal

/// The events of a demo or a rehearsal, with their times.
final class Story: Sendable {
    private let startedAt = NIOLockedValueBox(Date())
    private let noted = NIOLockedValueBox<[String]>([])
    private let isQuiet: Bool

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    var lines: [String] { self.noted.withLockedValue { $0 } }

    func begin() { self.startedAt.withLockedValue { $0 = Date() } }

    func note(_ event: String) {
        let line = String(format: "%5.1f s  ", Date().timeIntervalSince(self.startedAt.withLockedValue { $0 })) + event
        self.noted.withLockedValue { $0.append(line) }
        if !Output.isTerminal, !self.isQuiet { Output.line(line) }
    }
}
