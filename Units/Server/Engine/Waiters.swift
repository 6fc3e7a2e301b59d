import NIOConcurrencyHelpers
import NIOCore
import TrancheCore

/// A connection that waits for its answer, on its own event loop.
protocol AnswerSink: AnyObject, Sendable {
    /// Called on `eventLoop`.
    func deliver(_ answer: Answer, ticket: UInt64)
}

/// Who waits for which ticket. Answers of one batch reach each event loop in one hop.
final class Waiters: Sendable {
    private enum Waiter {
        case sink(any AnswerSink, any EventLoop)
        case closure(@Sendable (Answer) -> Void)
    }
    private struct State {
        var count: UInt64 = 0
        var waiters: [UInt64: Waiter] = [:]
    }
    private let state = NIOLockedValueBox(State())

    private func add(_ waiter: Waiter) -> UInt64 {
        self.state.withLockedValue { state in
            state.count += 1
            state.waiters[state.count] = waiter
            return state.count
        }
    }

    func add(_ sink: any AnswerSink, on loop: any EventLoop) -> UInt64 { self.add(.sink(sink, loop)) }

    func add(_ closure: @escaping @Sendable (Answer) -> Void) -> UInt64 { self.add(.closure(closure)) }

    var count: Int { self.state.withLockedValue { $0.waiters.count } }

    /// Answers everybody: the machine that knew them is gone.
    func answerAll(_ answer: Answer) {
        let tickets = self.state.withLockedValue { Array($0.waiters.keys) }
        self.answer(tickets.sorted().map { ($0, answer) })
    }

    func answer(_ answers: [(ticket: UInt64, answer: Answer)]) {
        guard !answers.isEmpty else { return }
        let found = self.state.withLockedValue { state in
            answers.compactMap { answer in state.waiters.removeValue(forKey: answer.ticket).map { ($0, answer) } }
        }
        var batches: [(loop: any EventLoop, sinks: [(any AnswerSink, Answer, UInt64)])] = []
        for (waiter, answer) in found {
            switch waiter {
            case .closure(let closure): closure(answer.answer)
            case .sink(let sink, let loop):
                let one = (sink, answer.answer, answer.ticket)
                if let place = batches.firstIndex(where: { $0.loop === loop }) {
                    batches[place].sinks.append(one)
                } else {
                    batches.append((loop, [one]))
                }
            }
        }
        for batch in batches {
            batch.loop.execute { for (sink, answer, ticket) in batch.sinks { sink.deliver(answer, ticket: ticket) } }
        }
    }
}
