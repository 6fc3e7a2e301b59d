import TrancheCore

/// One unit's disk, Redis and process.
final class SimulatedUnit {
    let id: UnitID
    var ledger: SimulatedLedger
    var redis = SimulatedRedis()
    var process: UnitProcess?
    /// The process of the machine of which this one is a copy.
    var original: UnitProcess?
    /// Set for the rest of the world. Redis knows what an original has sold, so nothing is promised if it loses its memory.
    var wasCloned = false
    var backup = 0
    var redisSnapshot: SimulatedRedis?
    /// Redis at the moment of the ledger's backup: a copy of the whole machine has both.
    var redisAtBackup = SimulatedRedis()
    var redisIsDown = false
    var clock = SimulatedClock()
    var pausedUntil = Instant.distantPast
    var diskIsFullUntil = Instant.distantPast
    var restartIsPlanned = false

    init(id: UnitID, ledger: SimulatedLedger) { (self.id, self.ledger) = (id, ledger) }
}

/// A process of a unit: the machine and the state of its shell.
final class UnitProcess {
    let session: UInt64
    var machine: UnitMachine
    var desk = FrontDesk()
    var clock: HybridClock
    var clockCheck = ClockCheck()
    /// The last answer of the coordinator of an epoch.
    var echo: (epoch: Epoch, echo: ContestReport.Echo)?
    var contestReportAt = Instant.distantPast
    /// Stamped requests that the machine has not seen yet.
    var intake: [BuyRequest] = []
    /// The ledger of the original of a cloned machine; `nil` for the process on the unit's own ledger.
    var ownLedger: SimulatedLedger?
    var isAwake = false
    /// `nil` in a world without a shop.
    var relay: SimulatedRelay?
    /// Refunds that were open when the process began.
    var refundsAtStart: Set<RefundKey> = []
    /// Requests without an answer, by ticket.
    var waiting: [UInt64: Waiting] = [:]

    /// Access in place: a copy of a machine counts two dozen references.
    func withMachine<Value>(_ body: (inout UnitMachine) -> Value) -> Value { body(&self.machine) }

    init(session: UInt64, machine: UnitMachine, clock: HybridClock) {
        self.session = session
        self.machine = machine
        self.clock = clock
    }
}

struct Waiting {
    let buyer: Int
    let since: Instant
    let request: BuyRequest
}

/// The units of a world, by number from 1. Nearly every step looks one up.
struct SimulatedUnits {
    private var units: [SimulatedUnit] = []
    private(set) var keys: [UnitID] = []

    mutating func add(_ unit: SimulatedUnit) {
        self.keys.append(UnitID(UInt16(self.keys.count + 1)))
        self.units.append(unit)
    }

    subscript(known id: UnitID) -> SimulatedUnit {
        _read { yield self.units[Int(id.rawValue) - 1] }
        _modify { yield &self.units[Int(id.rawValue) - 1] }
    }
}
