import DaemonSupport
import ExpressParsing
import Lanes
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI
import TrancheCore

/// One lane's buy requests and status requests, on their way to the intake and back.
final class OrderDesk: LaneDesk, AnswerSink, @unchecked Sendable {  // The lane's thread has all but the posted answers.
    /// Refusals whose bytes are kept.
    private static let refusalsLimit = 64

    private struct Posted {
        var answers: [(ticket: Ticket, answer: Answer)] = []
        var toAll: (answer: Answer, recovery: UInt64)?
    }

    private let gate: TokenGate
    private let poller: Poller
    private let tally: UnitTally
    private let posted = NIOLockedValueBox(Posted())
    private var questions: [Intake.Question] = []
    /// Tokens of requests that wait, whose buyers may be referred to another unit. Empty in a sale without added units.
    private var referable: [UInt64: PurchaseToken] = [:]
    /// Requests with bad tokens since the last ``handIn(of:)``.
    private var refused = 0
    /// The bytes of refusals: a sold-out lot gives the same one many times.
    private var refusals: [Refusal: [UInt8]] = [:]

    /// - Parameter poller: Wakes the lane.
    init(_ gate: TokenGate, poller: Poller) {
        (self.gate, self.poller, self.tally) = (gate, poller, gate.meters.tally())
    }

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

    func serveFirst(of bytes: UnsafeRawBufferPointer, _ slot: Int, in lane: Lane) -> LaneRequest {
        let request: ExpressParser.Request
        switch ExpressParser.parse(bytes) {
        case .incomplete: return .incomplete
        case .other: return .other
        case .request(let parsed): request = parsed
        }
        let ticket = lane.beginRequest(slot, keepsAlive: request.keepsAlive)
        switch request.kind {
        case .status(let id): self.questions.append(.init(kind: .status(id), ticket: ticket.rawValue))
        case .buy(let lot, let token, let quantity):
            do throws(TokenError) {
                let (purchase, untimely, token) = try self.gate.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(rebasing: bytes[token]), quantity: quantity,
                    now: SystemClock.now())
                if let token { self.referable[ticket.rawValue] = token }
                self.questions.append(.init(kind: .buy(purchase, untimely: untimely), ticket: ticket.rawValue))
            } catch {
                self.refused += 1
                self.tally.observeRefusal(error)
                lane.answer.encode(self.gate.problem(error))
                lane.writeAnswer(to: ticket)
            }
        }
        return .served(length: request.length)
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
                var isStatus = false
                if case .status = question.kind { isStatus = true }
                if !isStatus { self.tally.observePurchase(answer, microseconds: 0) }
                self.deliver(answer, to: ticket, in: lane, isStatus: isStatus)
            case .failure(let error):
                if !self.referable.isEmpty { self.referable[question.ticket] = nil }
                self.tally.observeRefusal(error)
                guard lane.isWaiting(ticket) else { continue }
                lane.answer.encode(self.gate.problem(error))
                lane.writeAnswer(to: ticket)
            }
        }
    }

    func deliverPosted(in lane: Lane) {
        let posted = self.posted.withLockedValue { posted in
            defer { posted = Posted() }
            return posted
        }
        for (ticket, answer) in posted.answers {
            self.tally.observePurchase(answer, microseconds: lane.waited(ticket))
            self.deliver(answer, to: ticket, in: lane)
        }
        guard let (answer, recovery) = posted.toAll else { return }
        lane.forEachWaiting(before: recovery) {
            self.tally.observePurchase(answer, microseconds: lane.waited($0))
            self.deliver(answer, to: $0, in: lane)
        }
        guard !self.referable.isEmpty else { return }
        self.referable = self.referable.filter { lane.isWaiting(Ticket(rawValue: $0.key)) }
    }

    private func deliver(_ answer: Answer, to ticket: Ticket, in lane: Lane, isStatus: Bool = false) {
        // An answer to a connection that has ended comes here, too.
        let token = self.referable.isEmpty ? nil : self.referable.removeValue(forKey: ticket.rawValue)
        guard lane.isWaiting(ticket) else { return }
        switch answer {
        case .refused(.referred(let unit)): lane.answer.encode(self.gate.referral(token, to: unit))
        case .order(let order):
            let hasPosition = order.state == .contested || isStatus && order.state == .reserved
            let position = hasPosition ? self.gate.intake.waitlistPosition(of: order.id) : nil
            lane.answer.encode(order, position, status: isStatus ? 200 : OrderDocument.status(of: order))
        case .refused(let refusal):
            if let kept = self.refusals[refusal] {
                lane.answer.reuse(kept)
            } else {
                lane.answer.encode(Problem(refusal))
                if self.refusals.count >= Self.refusalsLimit { self.refusals = [:] }
                self.refusals[refusal] = lane.answer.bytes
            }
        }
        lane.writeAnswer(to: ticket)
    }
}

extension AnswerBytes {
    fileprivate mutating func encode(_ order: Order, _ position: WaitlistPosition?, status: Int) {
        self.body.removeAll(keepingCapacity: true)
        OrderDocument.encode(order, position, into: &self.body)
        self.encode { head in
            switch status {
            case 201: head.write("HTTP/1.1 201 Created\r\n")
            case 202: head.write("HTTP/1.1 202 Accepted\r\n")
            default: head.write("HTTP/1.1 200 OK\r\n")
            }
            if order.state == .contested { head.write("Retry-After: 1\r\n") }
            head.write("Content-Type: application/json\r\nCache-Control: no-store\r\nLocation: /v1/orders/")
            head.write(order.id)
            head.write("\r\n")
            head += AnswerBytes.crossOrigin
        }
    }
}
