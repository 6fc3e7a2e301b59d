import DaemonSupport
import TrancheAPI
import TrancheCore

/// The state behind the intake's lock.
struct IntakeState {
    var desk: FrontDesk
    var clock: HybridClock
    private var requests: [BuyRequest] = []
    /// How many of them each lot has.
    private var shares = LotShares(room: Intake.requestsLimit)
    var events: [UnitMachine.Event] = []
    var isClosed = false
    /// Whether the engine waits for the bell.
    var isAsleep = false
    /// While the ledger is being recovered, everything is refused.
    private var isRecovering = true
    private(set) var recoveries: UInt64 = 0

    init(desk: FrontDesk, clock: HybridClock) { (self.desk, self.clock) = (desk, clock) }

    var hasWork: Bool { !self.requests.isEmpty || !self.events.isEmpty || self.isClosed }

    /// Whether the bell must ring now. It rings once.
    mutating func takeBell() -> Bool {
        guard self.isAsleep, self.hasWork else { return false }
        self.isAsleep = false
        return true
    }

    mutating func submit(_ question: inout Intake.Question, now: Instant) {
        question.recovery = self.recoveries
        switch question.kind {
        case .buy(let purchase):
            let ticket = question.ticket
            question.result = self.receive(purchase, now: now) { ticket }
        case .status(let id):
            let order = self.desk.order(id)
            question.result = .success(.answered(order.map { Answer($0) } ?? .refused(.unknownOrder(id))))
        }
    }

    /// Answers a purchase from memory, or stamps it and queues it for the engine.
    mutating func receive(_ purchase: Purchase, now: Instant, ticket: () -> UInt64) -> Result<Submission, TokenError> {
        if let untimely = purchase.untimely {
            return self.desk.order(purchase.order).map { .success(.answered(Answer($0))) } ?? .failure(untimely)
        }
        if let answer = self.desk.answer(
            order: purchase.order, lot: purchase.lot, quantity: purchase.quantity, issuedAt: purchase.issuedAt, now: now
        ) {
            return .success(.answered(answer))
        }
        guard !self.isRecovering, !self.isClosed else { return .success(.answered(.refused(.recovering))) }
        switch self.desk.join(purchase.order, ticket: ticket) {
        case .waits: return .success(.queued)
        case .tooMany: return .success(.answered(.refused(.overloaded(limit: Limits.copiesPerRequest))))
        case nil: break
        }
        if let share = self.shares.exhausted(purchase.lot) {
            return .success(.answered(.refused(.overloaded(limit: share))))
        }
        guard let stamp = self.clock.stamp(now: now, steady: SystemClock.monotonic()) else {
            return .success(.answered(.refused(.overloaded(limit: Intake.requestsLimit))))
        }
        self.desk.sentToAdmission(purchase.order)
        self.shares.count(purchase.lot)
        self.requests.append(
            BuyRequest(
                order: purchase.order, buyer: purchase.buyer, lot: purchase.lot, quantity: purchase.quantity,
                issuedAt: purchase.issuedAt, stamp: stamp, ticket: ticket(),
                uncertaintyMicroseconds: self.desk.uncertaintyMicroseconds))
        return .success(.queued)
    }

    mutating func takeAll(now: Instant, steady: Instant) -> Intake.Taken {
        defer {
            (self.isAsleep, self.events, self.requests) = (false, [], [])
            self.shares.reset()
        }
        return Intake.Taken(
            events: self.events, requests: self.requests, watermark: self.clock.watermark(now: now, steady: steady),
            isClosed: self.isClosed)
    }

    mutating func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.isRecovering = book == nil
        if book == nil { self.recoveries += 1 }
        if let book { self.desk.load(book, now: now) }
        defer {
            self.requests = []
            self.shares.reset()
        }
        return self.requests
    }
}
