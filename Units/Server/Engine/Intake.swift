import DaemonSupport
import NIOConcurrencyHelpers
import Sockets
import Storage
import TrancheAPI
import TrancheCore

/// The entrance to the engine: the front desk, the clock and the queue, under one lock.
///
/// Stamp and enqueue happen together, so that the queue is in stamp order.
final class Intake: Sendable {
    /// Requests of all lots that wait for the engine at most. A lot that has used up its share of them is refused as
    /// overloaded before (``LotShares``).
    static let requestsLimit = 20_000

    private let state: NIOLockedValueBox<IntakeState>
    private let bell: Poller
    /// Orders of settled lots, which are not in memory.
    let archive: OrderArchive

    /// - Parameter bell: Rung when something has come while the engine was asleep.
    init(uncertaintyMicroseconds: Int64, durableCeiling: Stamp, bell: Poller, archive: OrderArchive) {
        self.archive = archive
        self.bell = bell
        self.state = NIOLockedValueBox(
            IntakeState(
                desk: FrontDesk(uncertaintyMicroseconds: uncertaintyMicroseconds),
                clock: HybridClock(durableCeiling: durableCeiling)))
    }

    /// Runs `body` under the lock, and wakes the engine afterwards if it sleeps and there is work.
    private func withBell<Value>(_ body: (inout IntakeState) -> Value) -> Value {
        let (value, rings) = self.state.withLockedValue { state in
            let value = body(&state)
            return (value, state.takeBell())
        }
        if rings { self.bell.wake() }
        return value
    }

    // MARK: from the doors

    /// The answer, if it is known at once; else the request is on its way to the engine under `ticket()`.
    func submit(_ purchase: Purchase, now: Instant, ticket: () -> UInt64) -> Result<Submission, TokenError> {
        let result = self.withBell { $0.receive(purchase, now: now, ticket: ticket) }
        return self.recalled(result, purchase.order, lot: purchase.lot)
    }

    /// A lane's question: a request that it has read, and its result.
    struct Question {
        enum Kind { case buy(Purchase), status(OrderID) }
        let kind: Kind
        let ticket: UInt64
        /// The number of recoveries at the moment when it was handed in.
        var recovery: UInt64 = 0
        var result = Result<Submission, TokenError>.success(.queued)
    }

    /// Takes every question that one lane has read in one turn, under one lock.
    func submit(_ questions: inout [Question], now: Instant) {
        self.withBell { state in
            for index in questions.indices { state.submit(&questions[index], now: now) }
        }
        guard !self.archive.isEmpty else { return }
        for index in questions.indices {
            let question = questions[index]
            switch question.kind {
            case .buy(let purchase):
                questions[index].result = self.recalled(question.result, purchase.order, lot: purchase.lot)
            case .status(let order): questions[index].result = self.recalled(question.result, order, lot: nil)
            }
        }
    }

    func post(_ event: UnitMachine.Event) { self.withBell { $0.events.append(event) } }

    /// The engine ends when everything that waits is answered.
    func close() { self.withBell { $0.isClosed = true } }

    /// The order, or why it is not known.
    func order(_ id: OrderID) -> Result<Order, Refusal> {
        if let order = self.state.withLockedValue({ $0.desk.order(id) }) { return .success(order) }
        return self.archived(id, lot: nil)
    }

    func waitlistPosition(of id: OrderID) -> WaitlistPosition? {
        self.state.withLockedValue { $0.desk.position(of: id) }
    }

    func closedReason(_ lot: LotID, now: Instant) -> Refusal? {
        self.state.withLockedValue { $0.desk.closedReason(lot, now: now) }
    }

    func isSoldOut(_ lot: LotID) -> Bool { self.state.withLockedValue { $0.desk.isSoldOut(lot) } }

    // MARK: for the engine

    struct Taken {
        var events: [UnitMachine.Event] = []
        var requests: [BuyRequest] = []
        /// Every request stamped up to here is among ``requests``, or was taken before.
        var watermark: Stamp
        var isClosed: Bool
    }

    /// Whether the engine may wait for the bell: nothing waits here, and the next arrival rings it.
    func fallAsleep() -> Bool {
        self.state.withLockedValue { state in
            state.isAsleep = !state.hasWork
            return state.isAsleep
        }
    }

    /// Takes everything that waits. The watermark is read under the lock that also stamps requests. Otherwise it could
    /// pass a request that is stamped and not in the queue yet.
    func takeAll() -> Taken {
        self.state.withLockedValue { $0.takeAll(now: SystemClock.now(), steady: SystemClock.monotonic()) }
    }

    func configure(_ rules: [LotRules]) { self.state.withLockedValue { $0.desk.configure(rules) } }

    /// Publishes what has become durable, and returns the answers that may leave now.
    func publish(_ publications: ArraySlice<Publication>, now: Instant) -> Delivery {
        self.state.withLockedValue { state in
            var delivery = Delivery(publications: publications.count)
            for publication in publications { state.desk.publish(publication, now: now, into: &delivery) }
            return delivery
        }
    }

    func takeOffered() -> [LotID: Int] { self.state.withLockedValue { $0.desk.takeOffered() } }

    /// How often the machine behind the intake was dropped.
    var recovery: UInt64 { self.state.withLockedValue { $0.recoveries } }

    /// Opens with a recovered book, or closes until there is one. Returns the requests that waited, unanswered.
    func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.state.withLockedValue { $0.setRecovered(book, now: now) }
    }

    // MARK: the clock of stamps

    func ceilingWanted(now: Instant) -> Stamp? {
        self.state.withLockedValue { $0.clock.ceilingWanted(now: now, steady: SystemClock.monotonic()) }
    }

    func raise(ceiling: Stamp) { self.state.withLockedValue { $0.clock.raise(ceiling: ceiling) } }

    /// Moves the clock above a coordinator's fence.
    func advance(past fence: Stamp) {
        self.state.withLockedValue {
            $0.clock.advance(past: fence, now: SystemClock.now(), steady: SystemClock.monotonic())
        }
    }

    /// The coordinator's clock has confirmed this one.
    func confirmClock() {
        self.state.withLockedValue { $0.clock.confirm(now: SystemClock.now(), steady: SystemClock.monotonic()) }
    }

    var refusedFences: Int { self.state.withLockedValue { $0.clock.refusedFences } }

    func setUncertainty(microseconds: Int64) {
        self.state.withLockedValue { $0.desk.uncertaintyMicroseconds = microseconds }
    }
}
