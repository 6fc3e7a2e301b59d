import DaemonSupport
import NIOConcurrencyHelpers
import TrancheCore

// What the intake does beside the way of a request: look-ups, recovery, and the clock of stamps.

extension Intake {
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

    /// Requests that the engine has not taken yet.
    var waitingCount: Int { self.state.withLockedValue { $0.requests.count } }

    func configure(_ rules: [LotRules]) { self.state.withLockedValue { $0.desk.configure(rules) } }

    func takeOffered() -> [LotID: Int] { self.state.withLockedValue { $0.desk.takeOffered() } }

    /// How often the machine behind the intake was dropped.
    var recovery: UInt64 { self.state.withLockedValue { $0.recoveries } }

    /// Opens with a recovered book, or closes until there is one. Returns the requests that waited, unanswered.
    func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.state.withLockedValue { state in
            state.isRecovering = book == nil
            if book == nil { state.recoveries += 1 }
            if let book { state.desk.load(book, now: now) }
            state.handedInMicroseconds = 0
            state.shares.reset()
            defer { state.requests = [] }
            return state.requests
        }
    }

    // MARK: load

    /// Takes in what the engine measured since the last time.
    func observe(_ measured: UnitLoad.Measurement, now: Instant) {
        self.state.withLockedValue { state in
            let inIntake = state.waited.requests > 0 ? state.waited.microseconds / state.waited.requests : 0
            state.waited = (0, 0)
            state.load.observe(
                UnitLoad.Measurement(
                    waitedMicroseconds: max(inIntake, measured.waitedMicroseconds), answered: measured.answered,
                    usePermille: measured.usePermille), now: now)
            state.shares.room = state.load.room
        }
    }

    var load: (figures: LoadFigures, sharePermille: Int, shed: Int) {
        self.state.withLockedValue { ($0.load.figures, $0.load.share.permille, $0.load.shedCount) }
    }

    /// Admits or sheds a request that only informs: `nil` if it is admitted.
    func admitOrShed(_ request: GateRequestClass) -> Refusal? {
        self.state.withLockedValue { state in
            state.load.countArrivals(1)
            return state.load.admitOrShed(request, draw: UInt64.random(in: 0...UInt64.max))
        }
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
