import Lanes
import NIOConcurrencyHelpers
import TrancheCore

/// Brings the answers of one batch to the thread that owns the connections.
protocol AnswerSink: AnyObject, Sendable {
    func post(_ answers: [(ticket: Ticket, answer: Answer)])
    /// Requests that were handed in before this recovery of the intake, and still wait, get this answer.
    func postToAll(_ answer: Answer, before recovery: UInt64)
}

/// The tickets that wait for an answer. Answers of one batch reach each lane in one hop.
final class Waiters: Sendable {
    private struct State {
        var count: UInt64 = 0
        var closures: [UInt64: @Sendable (Answer) -> Void] = [:]
        var lanes: [any AnswerSink] = []
    }
    private let state = NIOLockedValueBox(State())

    /// The next lane. Lanes are numbered in this order, from 1.
    func add(_ lane: any AnswerSink) {
        self.state.withLockedValue { $0.lanes.append(lane) }
    }

    func add(_ closure: @escaping @Sendable (Answer) -> Void) -> UInt64 {
        self.state.withLockedValue { state in
            state.count += 1
            state.closures[state.count] = closure
            return state.count
        }
    }

    /// Closures that wait. Lanes count for themselves, and end before the engine does.
    var count: Int { self.state.withLockedValue { $0.closures.count } }

    /// Answers every request that was handed in before this recovery of the intake: the machine that had it is gone.
    func routeToAll(_ answer: Answer, before recovery: UInt64) {
        let (closures, lanes) = self.state.withLockedValue { state in
            defer { state.closures = [:] }
            return (state.closures.sorted { $0.key < $1.key }.map(\.value), state.lanes)
        }
        for closure in closures { closure(answer) }
        for lane in lanes { lane.postToAll(answer, before: recovery) }
    }

    /// Brings each answer to the thread of its ticket.
    func route(_ answers: [(ticket: UInt64, answer: Answer)]) {
        guard !answers.isEmpty else { return }
        let lanes = self.state.withLockedValue { $0.lanes }
        var batches = [[(ticket: Ticket, answer: Answer)]](repeating: [], count: lanes.count + 1)
        if lanes.count > 0 { batches[1].reserveCapacity(answers.count) }
        for (number, answer) in answers {
            let ticket = Ticket(rawValue: number)
            batches[min(ticket.lane, lanes.count)].append((ticket, answer))
        }
        for (slot, lane) in lanes.enumerated() where !batches[slot + 1].isEmpty { lane.post(batches[slot + 1]) }
        for (ticket, answer) in batches[0] {
            let closure = self.state.withLockedValue { $0.closures.removeValue(forKey: ticket.rawValue) }
            closure?(answer)
        }
    }
}
