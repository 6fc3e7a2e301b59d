import CurlClient
import Foundation
import NIOConcurrencyHelpers
import TrancheAPI

/// Somebody outside of the rehearsal who is told of every fault, and decides how long it lasts, as `ops/prometheus/rehearse`
/// does: it waits for the alarm.
///
/// Each word is a POST to one address. It is answered when the rehearsal may go on: with 200, or with 410 if there shall be
/// no more faults.
package final class RehearsalReferee: Sendable {
    /// How long an answer may take.
    static let answerMilliseconds = 300_000

    package enum Phase: String, Codable, Sendable {
        /// The fault is the next one, and the system works.
        case next
        /// The fault is there. Its repair begins after the answer.
        case begun
        /// The fault is repaired; the part may need a moment until it works again.
        case ended
    }
    struct Word: Codable, Sendable {
        let phase: Phase
        let fault: RehearsalFault
        let target: String
        /// When the phase began, in seconds since 1970.
        let at: Double
    }

    private let url: String
    private let curl = CurlClient()
    private let state = NIOLockedValueBox((isLasting: false, isOver: false))

    /// - Parameter url: An address that takes the words.
    package init(url: String) { self.url = url }

    /// Whether a fault lasts: nobody may repair what follows from it.
    var isLasting: Bool { self.state.withLockedValue { $0.isLasting } }

    /// Whether there shall be no more faults.
    var isOver: Bool { self.state.withLockedValue { $0.isOver } }

    /// Tells one word, and waits for the answer. A referee who does not answer ends the faults.
    func tell(_ phase: Phase, _ fault: RehearsalFault, on target: String, at: Date = Date()) async {
        let word = Word(phase: phase, fault: fault, target: target, at: at.timeIntervalSince1970)
        let request = CurlRequest(
            "POST", self.url, headers: ["Content-Type": "application/json"], body: JSON.encode(word),
            timeoutMilliseconds: Self.answerMilliseconds)
        self.state.withLockedValue { $0.isLasting = phase == .begun }
        let response = try? await self.curl.send(request)
        self.state.withLockedValue { state in
            state.isLasting = false
            if response?.status != 200 { state.isOver = true }
        }
    }
}
