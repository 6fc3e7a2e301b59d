import DaemonSupport
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI
import TrancheCore

/// Where requests meet the engine: the front desk, the clock and the queue, under one lock.
///
/// Stamp and enqueue happen together, so that the queue is in stamp order.
final class Intake: @unchecked Sendable {  // All state is behind the lock.
    /// Requests that wait for the engine at most; one more is refused as overloaded.
    static let requestsLimit = 20_000

    private let lock = NIOLock()
    private let bell: Poller
    /// The engine waits for the bell.
    private var isAsleep = false
    private var desk: FrontDesk
    private var clock: HybridClock
    private var requests: [BuyRequest] = []
    private var events: [UnitMachine.Event] = []
    private var isClosed = false
    /// While the ledger is being recovered, everything is refused.
    private var isRecovering = true
    /// Raised whenever the machine behind the intake is thrown away.
    private var recoveries: UInt64 = 0
    var recovery: UInt64 { self.locked { self.recoveries } }

    /// - Parameter bell: Rung when something has come while the engine was asleep.
    init(uncertaintyMicroseconds: Int64, durableCeiling: Stamp, bell: Poller) {
        self.bell = bell
        self.desk = FrontDesk(uncertaintyMicroseconds: uncertaintyMicroseconds)
        self.clock = HybridClock(durableCeiling: durableCeiling)
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        self.lock.lock()
        defer { self.lock.unlock() }
        return body()
    }

    /// The answer, if it is known at once; else the request is on its way to the engine under `ticket()`.
    func submit(_ purchase: Purchase, now: Instant, ticket: () -> UInt64) -> Result<Submission, TokenError> {
        self.lock.lock()
        let result = self.receive(purchase, now: now, ticket: ticket)
        self.unlock()
        return result
    }

    /// A question of a lane, and what came of it.
    struct Question {
        enum Kind { case buy(Purchase), status(OrderID) }
        let kind: Kind
        let ticket: UInt64
        /// The intake's recovery in which it was handed in.
        var recovery: UInt64 = 0
        var result = Result<Submission, TokenError>.success(.queued)
    }

    /// Everything that one lane has heard in one turn, under one lock.
    func submit(_ questions: inout [Question], now: Instant) {
        self.lock.lock()
        for index in questions.indices {
            let ticket = questions[index].ticket
            questions[index].recovery = self.recoveries
            switch questions[index].kind {
            case .buy(let purchase): questions[index].result = self.receive(purchase, now: now) { ticket }
            case .status(let id):
                let order = self.desk.order(id)
                questions[index].result = .success(.answered(order.map { Answer($0) } ?? .refused(.unknownOrder(id))))
            }
        }
        self.unlock()
    }

    private var hasWork: Bool { !self.requests.isEmpty || !self.events.isEmpty || self.isClosed }

    /// Unlocks, and wakes the engine if it sleeps and there is work.
    private func unlock() {
        let rings = self.isAsleep && self.hasWork
        if rings { self.isAsleep = false }
        self.lock.unlock()
        if rings { self.bell.wake() }
    }

    private func receive(_ purchase: Purchase, now: Instant, ticket: () -> UInt64) -> Result<Submission, TokenError> {
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
        guard self.requests.count < Self.requestsLimit,
            let stamp = self.clock.stamp(now: now, steady: SystemClock.monotonic())
        else {
            return .success(.answered(.refused(.overloaded(limit: Self.requestsLimit))))
        }
        self.desk.sentToAdmission(purchase.order)
        self.requests.append(
            BuyRequest(
                order: purchase.order, buyer: purchase.buyer, lot: purchase.lot, quantity: purchase.quantity,
                issuedAt: purchase.issuedAt, stamp: stamp, ticket: ticket(),
                uncertaintyMicroseconds: self.desk.uncertaintyMicroseconds))
        return .success(.queued)
    }

    func post(_ event: UnitMachine.Event) {
        self.lock.lock()
        self.events.append(event)
        self.unlock()
    }

    struct Taken {
        var events: [UnitMachine.Event] = []
        var requests: [BuyRequest] = []
        /// Every request stamped up to here is among ``requests``, or was taken before.
        var watermark: Stamp
        var isClosed: Bool
    }

    /// Whether the engine may wait for the bell: nothing is here, and whatever comes rings it.
    func fallAsleep() -> Bool {
        self.locked {
            self.isAsleep = !self.hasWork
            return self.isAsleep
        }
    }

    /// Everything that waits. The watermark is read under the same lock under which requests are stamped: read anywhere
    /// else, it could pass a request that is still on its way here.
    func take() -> Taken {
        self.locked {
            defer {
                self.isAsleep = false
                self.events = []
                self.requests = []
            }
            return Taken(
                events: self.events, requests: self.requests,
                watermark: self.clock.watermark(now: SystemClock.now(), steady: SystemClock.monotonic()),
                isClosed: self.isClosed)
        }
    }

    /// Moves the clock above a coordinator's fence.
    func advance(past fence: Stamp) {
        self.locked { self.clock.advance(past: fence, now: SystemClock.now(), steady: SystemClock.monotonic()) }
    }

    /// The coordinator's clock has confirmed this one.
    func confirmClock() {
        self.locked { self.clock.confirm(now: SystemClock.now(), steady: SystemClock.monotonic()) }
    }

    var refusedFences: Int { self.locked { self.clock.refusedFences } }

    func setUncertainty(microseconds: Int64) { self.locked { self.desk.uncertaintyMicroseconds = microseconds } }

    func close() {
        self.lock.lock()
        self.isClosed = true
        self.unlock()
    }

    func order(_ id: OrderID) -> Order? { self.locked { self.desk.order(id) } }

    func waitlistPosition(of id: OrderID) -> WaitlistPosition? { self.locked { self.desk.position(of: id) } }

    func closedReason(_ lot: LotID, now: Instant) -> Refusal? { self.locked { self.desk.closedReason(lot, now: now) } }

    func isSoldOut(_ lot: LotID) -> Bool { self.locked { self.desk.isSoldOut(lot) } }

    func configure(_ rules: [LotRules]) { self.locked { self.desk.configure(rules) } }

    /// Publishes what has become durable, and returns the answers that may leave now.
    func publish(_ publications: ArraySlice<Publication>, now: Instant) -> Delivery {
        self.locked {
            var delivery = Delivery()
            for publication in publications { self.desk.publish(publication, now: now, into: &delivery) }
            return delivery
        }
    }

    func takeOffered() -> [LotID: Int] { self.locked { self.desk.takeOffered() } }

    func ceilingWanted(now: Instant) -> Stamp? {
        self.locked { self.clock.ceilingWanted(now: now, steady: SystemClock.monotonic()) }
    }

    func raise(ceiling: Stamp) { self.locked { self.clock.raise(ceiling: ceiling) } }

    /// Opens with a recovered book, or closes for as long as there is none. Returns what waited, unanswered.
    func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.locked {
            self.isRecovering = book == nil
            if book == nil { self.recoveries += 1 }
            if let book { self.desk.load(book, now: now) }
            defer {
                self.requests = []
                self.events.removeAll { event in if case .lotResult = event { true } else { false } }
            }
            return self.requests
        }
    }
}
