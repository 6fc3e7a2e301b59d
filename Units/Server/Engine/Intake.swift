import DaemonSupport
import NIOConcurrencyHelpers
import Sockets
import Storage
import TrancheAPI
import TrancheCore

/// The entrance to the engine: the front desk, the clock and the queue, under one lock.
///
/// Stamp and queue happen together, so that the queue is in stamp order.
final class Intake: Sendable {
    let state: NIOLockedValueBox<IntakeState>
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
            let rings = state.isAsleep && state.hasWork
            if rings { state.isAsleep = false }
            return (value, rings)
        }
        if rings { self.bell.wake() }
        return value
    }

    // MARK: from the doors

    /// The result of a request that was brought here.
    enum Submission {
        /// The request waits for the engine: the answer comes later, to the ticket.
        case queued
        /// The answer was known at once.
        case answered(Answer)
    }

    /// A lane's question: a request that it has read, and its result.
    struct Question {
        enum Kind {
            /// A buy request, and why its token may make no order; `nil` if it may.
            case buy(Purchase, untimely: TokenError?)
            case status(OrderID)
        }
        let kind: Kind
        let ticket: UInt64
        /// The number of recoveries at the moment when it was handed in.
        var recovery: UInt64 = 0
        var result = Result<Submission, TokenError>.success(.queued)
    }

    /// Gives every question that one lane has read in one turn its result, under one lock.
    ///
    /// - Parameter refused: Requests that the lane has refused by itself since the last time.
    func handIn(_ questions: inout [Question], refused: Int = 0, now: Instant) {
        self.withBell { state in
            state.load.countArrivals(questions.count + refused)
            for index in questions.indices {
                questions[index].recovery = state.recoveries
                switch questions[index].kind {
                case .buy(let purchase, let untimely):
                    let ticket = questions[index].ticket
                    questions[index].result = state.answerOrQueue(purchase, untimely, now: now) { ticket }
                case .status(let id):
                    let answer = state.desk.order(id).map { Answer($0) } ?? .refused(.unknownOrder(id))
                    questions[index].result = .success(.answered(answer))
                }
            }
        }
        guard !self.archive.isEmpty else { return }
        for index in questions.indices {
            let question = questions[index]
            switch question.kind {
            case .buy(let purchase, _):
                questions[index].result = self.recalled(question.result, purchase.order, lot: purchase.lot)
            case .status(let order): questions[index].result = self.recalled(question.result, order, lot: nil)
            }
        }
    }

    /// The answer, if it is known at once; else the request is on its way to the engine under `ticket()`.
    func submit(
        _ purchase: Purchase, _ untimely: TokenError?, now: Instant, ticket: () -> UInt64
    ) -> Result<Submission, TokenError> {
        let result = self.withBell { state in
            state.load.countArrivals(1)
            return state.answerOrQueue(purchase, untimely, now: now, ticket: ticket)
        }
        return self.recalled(result, purchase.order, lot: purchase.lot)
    }

    func post(_ event: UnitMachine.Event) { self.withBell { $0.events.append(event) } }

    /// The engine ends when everything that waits is answered.
    func close() { self.withBell { $0.isClosed = true } }

    // MARK: for the engine

    /// Whether the engine may wait for the bell: nothing waits here, and the next arrival rings it.
    ///
    /// - Parameter behind: Requests that were taken, and that still wait for their decision.
    func fallAsleep(behind: WaitingRequests) -> Bool {
        self.state.withLockedValue { state in
            state.isAsleep = !state.hasWork
            // What was taken is decided, but for these.
            if state.isAsleep { state.shares.reset(behind: behind) }
            return state.isAsleep
        }
    }

    struct Taken {
        var events: [UnitMachine.Event] = []
        var requests: [BuyRequest] = []
        /// Every request stamped up to here is among ``requests``, or was taken before.
        var watermark: Stamp
        var isClosed: Bool
    }

    /// Takes everything that waits. The watermark is read under the lock that also stamps requests. Otherwise it could
    /// pass a request that is stamped and not in the queue yet.
    ///
    /// - Parameter behind: Requests that were taken before, and that still wait for their decision.
    func takeAll(behind: WaitingRequests) -> Taken {
        self.state.withLockedValue { state in
            let (wall, steady) = (SystemClock.now(), SystemClock.monotonic())
            state.isAsleep = false
            // How long they have waited here, all together: a part of the measure of load.
            let count = Int64(state.requests.count)
            state.waited.requests += count
            state.waited.microseconds += count * steady.microseconds - state.handedInMicroseconds
            state.handedInMicroseconds = 0
            state.shares.tookAll(behind: behind)
            defer { (state.events, state.requests) = ([], []) }
            return Taken(
                events: state.events, requests: state.requests,
                watermark: state.clock.watermark(now: wall, steady: steady), isClosed: state.isClosed)
        }
    }
}

/// The state behind the intake's lock.
struct IntakeState {
    var desk: FrontDesk
    var clock: HybridClock
    var requests: [BuyRequest] = []
    /// How many of them each lot has, and may have.
    var shares: LotShares
    /// What is refused because too much waits.
    var load = UnitLoad(salt: UInt64.random(in: 0...UInt64.max))
    /// The moments at which the waiting requests were handed in, as a sum: their average wait costs one addition each.
    var handedInMicroseconds: Int64 = 0
    var waited = (requests: Int64(0), microseconds: Int64(0))
    var events: [UnitMachine.Event] = []
    var isClosed = false
    /// Whether the engine waits for the bell.
    var isAsleep = false
    /// While the ledger is being recovered, everything is refused.
    var isRecovering = true
    var recoveries: UInt64 = 0

    init(desk: FrontDesk, clock: HybridClock) {
        (self.desk, self.clock) = (desk, clock)
        self.shares = LotShares(room: self.load.room)
    }

    var hasWork: Bool { !self.requests.isEmpty || !self.events.isEmpty || self.isClosed }

    /// Answers a purchase from memory, or stamps it and queues it for the engine.
    ///
    /// - Parameter untimely: Why its token may make no order. A known order is answered nevertheless: one order id has
    ///   one outcome.
    mutating func answerOrQueue(
        _ purchase: Purchase, _ untimely: TokenError?, now: Instant, ticket: () -> UInt64
    ) -> Result<Intake.Submission, TokenError> {
        if let untimely {
            return self.desk.order(purchase.order).map { .success(.answered(Answer($0))) } ?? .failure(untimely)
        }
        let arrival = self.desk.judge(
            purchase, under: &self.load, self.shares, isOpen: !self.isRecovering && !self.isClosed, now: now,
            ticket: ticket)
        let isRemembered: Bool
        switch arrival {
        case .answered(let answer): return .success(.answered(answer))
        case .waits: return .success(.queued)
        case .needsAdmission(let remembered): isRemembered = remembered
        }
        let steady = SystemClock.monotonic()
        guard let stamp = self.clock.stamp(now: now, steady: steady) else {
            return .success(.answered(.refused(.overloaded(limit: self.shares.room))))
        }
        self.desk.beginAdmission(purchase.order)
        self.shares.countWaiting(purchase.lot)
        self.handedInMicroseconds += steady.microseconds
        self.requests.append(
            BuyRequest(
                purchase, stamp: stamp, ticket: ticket(),
                uncertaintyMicroseconds: self.desk.uncertaintyMicroseconds,
                isRemembered: isRemembered))
        return .success(.queued)
    }
}
