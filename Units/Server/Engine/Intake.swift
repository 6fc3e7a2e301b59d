import DaemonSupport
import NIOConcurrencyHelpers
import TrancheCore

/// Where requests meet the engine: the front desk, the clock and the queue, under one lock.
///
/// Stamp and enqueue happen together, so that the queue is in stamp order.
final class Intake: @unchecked Sendable {  // All state is behind the condition lock.
    /// Requests that wait for the engine at most; one more is refused as overloaded.
    static let requestsLimit = 20_000

    private let lock = ConditionLock(value: false)
    private var desk: FrontDesk
    private var clock: HybridClock
    private var requests: [BuyRequest] = []
    private var events: [UnitMachine.Event] = []
    private var isClosed = false
    /// While the ledger is being recovered, everything is refused.
    private var isRecovering = true

    init(uncertaintyMicroseconds: Int64, durableCeiling: Stamp) {
        self.desk = FrontDesk(uncertaintyMicroseconds: uncertaintyMicroseconds)
        self.clock = HybridClock(durableCeiling: durableCeiling)
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        self.lock.lock()
        defer { self.lock.unlock() }
        return body()
    }

    /// The answer, if it is known at once; else the request is on its way to the engine under `ticket()`.
    func submit(
        order: OrderID, buyer: BuyerID, lot: LotID, quantity: Int, issuedAt: Instant, now: Instant, ticket: () -> UInt64
    ) -> Answer? {
        self.lock.lock()
        if let answer = self.desk.answer(order: order, lot: lot, quantity: quantity, issuedAt: issuedAt, now: now) {
            self.lock.unlock()
            return answer
        }
        guard !self.isRecovering, !self.isClosed else {
            self.lock.unlock()
            return .refused(.recovering)
        }
        guard self.requests.count < Self.requestsLimit, let stamp = self.clock.stamp(now: now) else {
            self.lock.unlock()
            return .refused(.overloaded(limit: Self.requestsLimit))
        }
        let isCopy = self.desk.admit(order)
        self.requests.append(
            BuyRequest(
                order: order, buyer: buyer, lot: lot, quantity: quantity, issuedAt: issuedAt, stamp: stamp,
                ticket: ticket(), isCopy: isCopy, uncertaintyMicroseconds: self.desk.uncertaintyMicroseconds))
        self.lock.unlock(withValue: true)
        return nil
    }

    func post(_ event: UnitMachine.Event) {
        self.lock.lock()
        self.events.append(event)
        self.lock.unlock(withValue: true)
    }

    struct Taken {
        var events: [UnitMachine.Event] = []
        var requests: [BuyRequest] = []
        /// Every request stamped up to here is among ``requests``, or was taken before.
        var watermark: Stamp
        var isClosed: Bool
    }

    /// Everything that waits, or what came until the time is over. The watermark is read under the same lock under which
    /// requests are stamped: read anywhere else, it could pass a request that is still on its way here.
    func take(withinSeconds seconds: Double) -> Taken {
        guard self.lock.lock(whenValue: true, timeoutSeconds: seconds) else {
            return self.locked {
                // Something may have come between the time-out and the lock: it is left for the next round.
                let watermark = self.requests.isEmpty ? self.clock.watermark(now: SystemClock.now()) : .zero
                return Taken(watermark: watermark, isClosed: self.isClosed)
            }
        }
        defer {
            self.events = []
            self.requests = []
            self.lock.unlock(withValue: false)
        }
        return Taken(
            events: self.events, requests: self.requests, watermark: self.clock.watermark(now: SystemClock.now()),
            isClosed: self.isClosed)
    }

    /// Moves the clock above a coordinator's fence.
    func advance(past fence: Stamp) { self.locked { self.clock.advance(past: fence, now: SystemClock.now()) } }

    var refusedFences: Int { self.locked { self.clock.refusedFences } }

    func setUncertainty(microseconds: Int64) { self.locked { self.desk.uncertaintyMicroseconds = microseconds } }

    func close() {
        self.lock.lock()
        self.isClosed = true
        self.lock.unlock(withValue: true)
    }

    func order(_ id: OrderID) -> Order? { self.locked { self.desk.order(id) } }

    func standing(_ id: OrderID) -> WaitlistStanding? { self.locked { self.desk.standing(id) } }

    func closedReason(_ lot: LotID, now: Instant) -> Refusal? { self.locked { self.desk.closedReason(lot, now: now) } }

    func isSoldOut(_ lot: LotID) -> Bool { self.locked { self.desk.isSoldOut(lot) } }

    /// Publishes what has become durable.
    func publish(_ body: (inout FrontDesk) -> Void) { self.locked { body(&self.desk) } }

    func takeOffered() -> [LotID: Int] { self.locked { self.desk.takeOffered() } }

    func ceilingWanted(now: Instant) -> Stamp? { self.locked { self.clock.ceilingWanted(now: now) } }

    func raise(ceiling: Stamp) { self.locked { self.clock.raise(ceiling: ceiling) } }

    /// Opens with a recovered book, or closes for as long as there is none. Returns what waited, unanswered.
    func setRecovered(_ book: UnitBook?, now: Instant) -> [BuyRequest] {
        self.locked {
            self.isRecovering = book == nil
            if let book { self.desk.load(book, now: now) }
            defer {
                self.requests = []
                self.events.removeAll { event in if case .lotResult = event { true } else { false } }
            }
            return self.requests
        }
    }
}
