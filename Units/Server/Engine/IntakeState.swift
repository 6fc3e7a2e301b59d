import DaemonSupport
import TrancheAPI
import TrancheCore

/// The state behind the intake's lock.
struct IntakeState {
    var desk: FrontDesk
    var clock: HybridClock
    private var requests: [BuyRequest] = []
    /// How many of them each lot has, and may have.
    private var shares: LotShares
    /// What is refused because too much waits.
    var load = UnitLoad(salt: UInt64.random(in: 0...UInt64.max))
    /// The moments at which the waiting requests were handed in, as a sum: their average wait costs one addition each.
    private var handedInMicroseconds: Int64 = 0
    private var waited = (requests: Int64(0), microseconds: Int64(0))
    var events: [UnitMachine.Event] = []
    var isClosed = false
    /// Whether the engine waits for the bell.
    var isAsleep = false
    /// While the ledger is being recovered, everything is refused.
    private var isRecovering = true
    private(set) var recoveries: UInt64 = 0

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
        let arrival = self.desk.receive(
            purchase, under: &self.load, self.shares, isOpen: !self.isRecovering && !self.isClosed, now: now,
            ticket: ticket)
        switch arrival {
        case .answered(let answer): return .success(.answered(answer))
        case .joined: return .success(.queued)
        case .admitted: break
        }
        let steady = SystemClock.monotonic()
        guard let stamp = self.clock.stamp(now: now, steady: steady) else {
            return .success(.answered(.refused(.overloaded(limit: self.shares.room))))
        }
        self.desk.beginAdmission(purchase.order)
        self.shares.count(purchase.lot)
        self.handedInMicroseconds += steady.microseconds
        self.requests.append(
            BuyRequest(
                purchase, stamp: stamp, ticket: ticket(),
                uncertaintyMicroseconds: self.desk.uncertaintyMicroseconds))
        return .success(.queued)
    }

    mutating func takeRequests(behind: WaitingRequests, now: Instant) -> [BuyRequest] {
        let count = Int64(self.requests.count)
        self.waited.requests += count
        self.waited.microseconds += count * now.microseconds - self.handedInMicroseconds
        self.handedInMicroseconds = 0
        self.shares.take(behind: behind)
        defer { self.requests = [] }
        return self.requests
    }

    /// Nothing waits for the engine: what it had taken is decided, but for these.
    mutating func noteQuiet(behind: WaitingRequests) { self.shares.reset(behind: behind) }

    /// Takes in what the engine measured.
    mutating func observe(_ measured: UnitLoad.Measurement, now: Instant) {
        let inIntake = self.waited.requests > 0 ? self.waited.microseconds / self.waited.requests : 0
        self.waited = (0, 0)
        self.load.observe(
            UnitLoad.Measurement(
                waitedMicroseconds: max(inIntake, measured.waitedMicroseconds), answered: measured.answered,
                usePermille: measured.usePermille), now: now)
        self.shares.room = self.load.room
    }

    mutating func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.isRecovering = book == nil
        if book == nil { self.recoveries += 1 }
        if let book { self.desk.load(book, now: now) }
        defer { self.requests = [] }
        self.handedInMicroseconds = 0
        self.shares.reset()
        return self.requests
    }
}
