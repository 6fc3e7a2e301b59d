package import DaemonSupport
package import Logging
import NIOConcurrencyHelpers
package import TrancheCore

/// Asks the payment provider what the machine wants to know, has refunds carried out, and brings the answers back as
/// events.
///
/// It decides nothing and keeps nothing: the machine says what is due, from the ledger, again and again until it has an
/// answer. So whatever is lost here, by a full queue or with the process, comes again. It never blocks its caller,
/// which is the engine.
package final class ProviderDesk: Sendable {
    /// Calls that wait for a free one. The machine has no more under way; a full queue answers: unknown.
    static let waitingLimit = Limits.providerQuestions + Limits.refundsUnderway

    private enum Call: Hashable, Sendable {
        case question(OrderID)
        case refund(Refund)

        var name: String {
            switch self {
            case .question: "question"
            case .refund: "refund"
            }
        }
    }

    private struct State {
        var waiting: [Call] = []
        /// Waiting or under way: a copy of a call waits for the same answer.
        var known: Set<Call> = []
        var running = 0
        var isStopped = false
        /// Why the provider could not be understood last; `nil` if it could.
        var trouble: String?
    }

    private let provider: any PaymentProvider
    private let concurrency: Int
    private let post: @Sendable (UnitMachine.Event) -> Void
    private let telemetry: Telemetry
    private let logger: Logger
    private let state = NIOLockedValueBox(State())

    /// - Parameters:
    ///   - concurrency: Calls at a time.
    ///   - post: Gives the machine an event.
    package init(
        _ provider: any PaymentProvider, concurrency: Int, telemetry: Telemetry, logger: Logger,
        post: @escaping @Sendable (UnitMachine.Event) -> Void
    ) {
        (self.provider, self.concurrency, self.post) = (provider, concurrency, post)
        (self.telemetry, self.logger) = (telemetry, logger)
        for (call, answers) in [
            ("question", ["paid", "unpaid", "unknown"]), ("refund", ["done", "pending", "refused", "unknown"]),
        ] {
            for answer in answers { self.count(call, answer, by: 0) }
        }
    }

    package func ask(_ question: ProviderQuestion) { self.add(.question(question.order)) }

    package func carryOut(_ refund: Refund) { self.add(.refund(refund)) }

    /// Nothing is begun any more. What is under way ends as unknown.
    package func stop() {
        self.state.withLockedValue { state in
            state.isStopped = true
            state.waiting = []
        }
        self.provider.stop()
    }

    /// Whether the last call got no clear answer.
    package var isUnclear: Bool { self.state.withLockedValue { $0.trouble != nil } }

    /// Calls that are under way, and those that wait.
    package var load: (underway: Int, waiting: Int) {
        self.state.withLockedValue { ($0.running, $0.waiting.count) }
    }

    private enum Admission { case known, begun, queued, full }

    private func add(_ call: Call) {
        let admission = self.state.withLockedValue { state -> Admission in
            if state.isStopped { return .known }
            guard !state.known.contains(call) else { return .known }
            guard state.waiting.count < Self.waitingLimit else { return .full }
            state.known.insert(call)
            if state.running < self.concurrency {
                state.running += 1
                return .begun
            }
            state.waiting.append(call)
            return .queued
        }
        switch admission {
        case .known, .queued: break
        case .begun: Task { await self.work(from: call) }
        case .full: self.end(call, "the queue is full")
        }
    }

    /// Carries calls out, one after the other, until none waits.
    private func work(from first: Call) async {
        var call = first
        while true {
            await self.carryOut(call)
            let next = self.state.withLockedValue { state -> Call? in
                state.known.remove(call)
                guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
                state.running -= 1
                return nil
            }
            guard let next else { return }
            call = next
        }
    }

    private func carryOut(_ call: Call) async {
        switch call {
        case .question(let order):
            let (answer, reason) = await self.provider.query(order)
            self.note(call, answer.name, reason)
            self.post(.providerAnswered(order, answer))
        case .refund(let refund):
            let (answer, reason) = await self.provider.refund(refund)
            self.note(call, answer.name, reason)
            self.post(.refundAnswered(refund.key, answer))
        }
    }

    /// A call that was not made.
    private func end(_ call: Call, _ reason: String) {
        self.note(call, "unknown", reason)
        switch call {
        case .question(let order): self.post(.providerAnswered(order, .unknown))
        case .refund(let refund): self.post(.refundAnswered(refund.key, .unknown))
        }
    }

    /// Counts each answer; a line in the log only when the reason is another one: a provider that is away has one for
    /// each order.
    private func note(_ call: Call, _ answer: String, _ reason: String?) {
        self.count(call.name, answer, by: 1)
        let isNew = self.state.withLockedValue { state in
            defer { state.trouble = reason }
            return state.trouble != reason
        }
        guard isNew else { return }
        switch (reason, call) {
        case (nil, _): self.logger.notice("the payment provider answers again")
        case (let reason?, .question(let order)):
            self.logger.warning(
                "the payment provider gave no clear answer about an order: it is asked again",
                metadata: ["order": "\(order)", "reason": "\(reason)"])
        case (let reason?, .refund(let refund)):
            self.logger.warning(
                "the payment provider gave no clear answer about a refund: it is asked again",
                metadata: ["refund": "\(refund.key)", "reason": "\(reason)"])
        }
    }

    private func count(_ call: String, _ answer: String, by amount: Int) {
        self.telemetry.count(
            "tranche_provider_calls_total", "Calls to the payment provider, by what it was asked for and what it said.",
            labels: "call=\"\(call)\",answer=\"\(answer)\"", by: amount)
    }
}

extension ProviderAnswer {
    fileprivate var name: String {
        switch self {
        case .paid: "paid"
        case .unpaid: "unpaid"
        case .unknown: "unknown"
        }
    }
}

extension RefundAnswer {
    fileprivate var name: String {
        switch self {
        case .done: "done"
        case .pending: "pending"
        case .refused: "refused"
        case .unknown: "unknown"
        }
    }
}
