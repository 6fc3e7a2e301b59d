import DaemonSupport
import ExpressParsing
import Lanes
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI
import TrancheCore

/// One lane's buy requests and status requests, on their way to the intake and back.
final class OrderDesk: LaneDesk, AnswerSink, @unchecked Sendable {  // The lane's thread has all but the posted answers.
    private struct Posted {
        var answers: [(ticket: Ticket, answer: Answer)] = []
        var toAll: (answer: Answer, recovery: UInt64)?
    }

    private let gate: TokenGate
    private let poller: Poller
    private let posted = NIOLockedValueBox(Posted())
    private var parsed: ExpressParser.Request?
    private var questions: [Intake.Question] = []
    /// Requests with bad tokens since the last ``handIn(of:)``.
    private var refused = 0
    private var answers = OrderAnswers()

    /// - Parameter poller: Wakes the lane.
    init(_ gate: TokenGate, poller: Poller) { (self.gate, self.poller) = (gate, poller) }

    // MARK: from other threads

    func post(_ answers: [(ticket: Ticket, answer: Answer)]) {
        let wasEmpty = self.posted.withLockedValue { posted in
            defer { posted.answers += answers }
            return posted.answers.isEmpty
        }
        if wasEmpty { self.poller.wake() }
    }

    func postToAll(_ answer: Answer, before recovery: UInt64) {
        self.posted.withLockedValue { $0.toAll = (answer, recovery) }
        self.poller.wake()
    }

    // MARK: on the lane's thread

    func parse(_ bytes: UnsafeRawBufferPointer) -> LaneRequest {
        switch ExpressParser.parse(bytes) {
        case .incomplete: return .incomplete
        case .other: return .other
        case .request(let request):
            self.parsed = request
            return .request(length: request.length, keepsAlive: request.keepsAlive)
        }
    }

    func ask(_ ticket: Ticket, _ bytes: UnsafeRawBufferPointer, in lane: Lane) {
        guard let request = self.parsed else { return }
        switch request.kind {
        case .status(let id): self.questions.append(.init(kind: .status(id), ticket: ticket.rawValue))
        case .buy(let lot, let token, let quantity):
            do throws(TokenError) {
                let (purchase, untimely) = try self.gate.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(rebasing: bytes[token]), quantity: quantity,
                    now: SystemClock.now())
                self.questions.append(.init(kind: .buy(purchase, untimely: untimely), ticket: ticket.rawValue))
            } catch {
                self.refused += 1
                lane.answer.encode(self.gate.problem(error))
                lane.send(to: ticket)
            }
        }
    }

    var hasQuestions: Bool { !self.questions.isEmpty }

    func handIn(of lane: Lane) {
        var questions = self.questions
        self.questions.removeAll(keepingCapacity: true)
        self.gate.intake.handIn(&questions, refused: self.refused, now: SystemClock.now())
        self.refused = 0
        for question in questions {
            let ticket = Ticket(rawValue: question.ticket)
            switch question.result {
            case .success(.queued): lane.markWaiting(ticket, recovery: question.recovery)
            case .success(.answered(let answer)):
                if case .status = question.kind {
                    self.deliver(answer, to: ticket, in: lane, isStatus: true)
                } else {
                    self.deliver(answer, to: ticket, in: lane)
                }
            case .failure(let error):
                guard lane.isWaiting(ticket) else { continue }
                lane.answer.encode(self.gate.problem(error))
                lane.send(to: ticket)
            }
        }
    }

    func deliverPosted(in lane: Lane) {
        let posted = self.posted.withLockedValue { posted in
            defer { posted = Posted() }
            return posted
        }
        for (ticket, answer) in posted.answers { self.deliver(answer, to: ticket, in: lane) }
        guard let (answer, recovery) = posted.toAll else { return }
        lane.forEachWaiting(before: recovery) { self.deliver(answer, to: $0, in: lane) }
    }

    private func deliver(_ answer: Answer, to ticket: Ticket, in lane: Lane, isStatus: Bool = false) {
        guard lane.isWaiting(ticket) else { return }
        var position: WaitlistPosition?
        if case .order(let order) = answer, order.state == .contested {
            position = self.gate.intake.waitlistPosition(of: order.id)
        }
        self.answers.encode(answer, isStatus: isStatus, position: position, into: &lane.answer)
        lane.send(to: ticket)
    }
}
