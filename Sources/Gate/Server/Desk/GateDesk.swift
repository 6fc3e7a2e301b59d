import DaemonSupport
import ExpressParsing
import Lanes
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI
import TrancheCore

/// One lane's calls of a crowd: status, sessions, entries, challenges and tokens.
final class GateDesk: LaneDesk, @unchecked Sendable {  // The lane's thread has all but the posted replies.
    fileprivate enum Asked {
        case entry(Gatehouse.EntryAsked)
        case token(Gatehouse.TokenAsked)
    }

    private let house: Gatehouse
    private let status: StatusPages
    private let poller: Poller
    private let receiver: Int
    private let tally: GateTally
    private let posted: NIOLockedValueBox<[(ticket: UInt64, reply: GateReply)]>
    private var questions: [(ticket: UInt64, question: GateQuestion)] = []
    /// What the gates' Redis is asked about. Entries of connections that have gone leave with their replies.
    private var asked: [UInt64: (call: Asked, at: Instant)] = [:]
    private var kept = KeptRefusals<(bytes: [UInt8], code: String)>(capacity: 1 << 13)
    private let keptCodes = KeptRefusals<(bytes: [UInt8], code: String)>.codes
    /// Kept refusals that were sent in this turn, by code.
    private var keptSent: [String: Int] = [:]

    init(_ house: Gatehouse, status: StatusPages, poller: Poller) {
        (self.house, self.status, self.poller, self.tally) = (house, status, poller, house.meters.tally())
        let posted = NIOLockedValueBox<[(ticket: UInt64, reply: GateReply)]>([])
        self.posted = posted
        self.receiver = house.redis.add { replies in
            let isFirst = posted.withLockedValue { posted in
                defer { posted += replies }
                return posted.isEmpty
            }
            if isFirst { poller.wake() }
        }
    }

    func serveFirst(of bytes: UnsafeRawBufferPointer, _ slot: Int, in lane: Lane) -> LaneRequest {
        switch PlainRequest.parse(bytes) {
        case .incomplete: return .incomplete
        case .other: return .other
        case .request(let request):
            let target = UnsafeRawBufferPointer(rebasing: bytes[request.target])
            guard let target = GateTarget(isPost: request.method == .post, target) else { return .other }
            self.serve(lane.beginRequest(slot, keepsAlive: request.keepsAlive), request, target, bytes, in: lane)
            return .served(length: request.length)
        }
    }

    /// Answers a request, or keeps its ticket with the question to the shared memory.
    private func serve(
        _ ticket: Ticket, _ request: PlainRequest, _ target: GateTarget, _ bytes: UnsafeRawBufferPointer, in lane: Lane
    ) {
        func part(_ range: Range<Int>?) -> UnsafeRawBufferPointer {
            range.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
        }
        if case .status(let sale) = target {
            self.status.write(sale, ifNoneMatch: part(request.ifNoneMatch), into: &lane.answer)
            return lane.writeAnswer(to: ticket)
        }
        let number = self.number(target, part(request.bearer), part(request.forwardedFor), lane.address(of: ticket))
        if let kept = self.kept.answer(to: number, now: lane.moment) {
            self.keptSent[kept.code, default: 0] += 1
            lane.answer.reuse(kept.bytes)
            return lane.writeAnswer(to: ticket)
        }
        let began = SystemClock.monotonic()
        do throws(Problem) {
            let now = SystemClock.now()
            let address = self.house.address(of: lane.address(of: ticket), forwardedFor: part(request.forwardedFor))
            if target == .session {
                let document = try self.house.openSession(part(request.bearer), from: address, now: now)
                self.tally.passed(.identity, since: began)
                lane.answer.encode(json: "201 Created") { document.write(into: &$0) }
                lane.writeAnswer(to: ticket)
            } else {
                let asker = try self.house.asker(part(request.bearer), from: address, now: now)
                try self.ask(ticket, target, asker, body: part(request.body), now: now, since: began, in: lane)
            }
        } catch {
            self.tally.passed(target == .session ? .identity : .rules, since: began)
            lane.answer.encode(error)
            if self.keptCodes.contains(error.code) {
                self.kept.keep((lane.answer.bytes, error.code), for: number, now: lane.moment)
            }
            lane.writeAnswer(to: ticket)
        }
    }

    /// A hash of all that a kept refusal depends on.
    private func number(
        _ target: GateTarget, _ bearer: UnsafeRawBufferPointer, _ forwardedFor: UnsafeRawBufferPointer,
        _ peer: ClientAddress
    ) -> UInt64 {
        let hash = self.house.hash
        let caller = hash.hash(hash.hash(bearer), hash.hash(forwardedFor))
        return hash.hash(hash.hash(caller, peer.value), target.number)
    }

    private func ask(
        _ ticket: Ticket, _ target: GateTarget, _ asker: Gatehouse.Asker, body: UnsafeRawBufferPointer, now: Instant,
        since began: Instant, in lane: Lane
    ) throws(Problem) {
        switch target {
        case .entry(let lot):
            let asked = try self.house.entry(asker, lot: lot, now: now)
            self.asked[ticket.rawValue] = (.entry(asked), self.tally.passed(.rules, since: began))
            self.questions.append((ticket.rawValue, asked.plan.question))
        case .token(let lot):
            let asked = try self.house.token(asker, lot: lot, body: body, now: now)
            self.asked[ticket.rawValue] = (.token(asked), self.tally.passed(.rules, since: began))
            self.questions.append((ticket.rawValue, asked.plan.question))
        case .challenge(let lot):
            let kind = try ChallengeBody.read(body).kind
            let challenge = try self.house.challenge(asker, lot: lot, kind: kind, now: now)
            self.tally.passed(.rules, since: began)
            lane.answer.encode(json: "201 Created") { challenge.writeDocument(into: &$0) }
            lane.writeAnswer(to: ticket)
        case .status, .session: break
        }
    }

    var hasQuestions: Bool { !self.questions.isEmpty }

    func handIn(of lane: Lane) {
        let questions = self.questions
        self.questions.removeAll(keepingCapacity: true)
        let isTaken = self.house.redis.ask(questions, for: self.receiver)
        for (number, _) in questions {
            let ticket = Ticket(rawValue: number)
            if isTaken {
                lane.markWaiting(ticket)
            } else {
                self.asked[number] = nil
                lane.answer.encode(self.house.refused(.overloaded(retryAfterMilliseconds: 1_000)))
                lane.writeAnswer(to: ticket)
            }
        }
    }

    func deliverPosted(in lane: Lane) {
        let posted = self.posted.withLockedValue { posted in
            defer { posted = [] }
            return posted
        }
        for (code, count) in self.keptSent { self.house.count(code, by: count) }
        self.keptSent.removeAll(keepingCapacity: true)
        guard !posted.isEmpty else { return }
        let now = SystemClock.now()
        for (number, reply) in posted {
            guard let asked = self.asked.removeValue(forKey: number) else { continue }
            let replied = self.tally.passed(.redis, since: asked.at)
            self.house.write(asked.call.outcome(self.house, reply, now: now), into: &lane.answer)
            self.tally.passed(.token, since: replied)
            lane.writeAnswer(to: Ticket(rawValue: number))
        }
    }
}

extension GateDesk.Asked {
    fileprivate func outcome(_ house: Gatehouse, _ reply: GateReply, now: Instant) -> GateOutcome {
        switch self {
        case .entry(let asked): house.outcome(of: asked, reply, now: now)
        case .token(let asked): house.outcome(of: asked, reply, now: now)
        }
    }
}
