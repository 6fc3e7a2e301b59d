import TrancheCore

/// A broken promise, found by a checker.
package struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    package let invariant: String
    package let detail: String
    package var description: String { "\(self.invariant): \(self.detail)" }
}

/// Judges the invariants from the disks and from the buyers' answers, after every step.
///
/// It keeps its own books with its own arithmetic and shares no code with the machines that it judges.
struct Checker {
    struct Account: Hashable { let lot: LotID; let unit: UnitID; let generation: UInt32 }
    struct Sums { var granted = 0, allocated = 0, returned = 0, sold = 0, cancelled = 0, paid = 0, isSettled = false }
    enum Outcome: Hashable { case accepted, soldOut, duplicate, limitReached }
    struct Refund: Hashable { let order: OrderID; let payment: PaymentID }
    struct Promise { let lot: LotID; let buyer: BuyerID; let quantity: Int }

    var violations: [Violation] = []
    var issued: [LotID: Int] = [:]
    /// Items that became stock of other lots.
    var carried: [LotID: Int] = [:]
    var authority: [Account: Sums] = [:]
    var units: [Account: Sums] = [:]
    var highestReturned: [Account: Int] = [:]
    var generations: [UnitID: Generation] = [:]
    var ledgerOrders: [UnitID: Set<OrderID>] = [:]
    var outcomes: [OrderID: Outcome] = [:]
    var toldBy: [OrderID: UnitID] = [:]
    var excused: Set<OrderID> = []
    var promises: [OrderID: Promise] = [:]
    /// Sales that a restore erased, by their account.
    var lostPromises: [Account: [OrderID: Int]] = [:]
    /// Erased orders that were paid: no later entry takes them back.
    var lostPayments: Set<OrderID> = []
    var confirmed: [UnitID: [OrderID: PaymentID]] = [:]
    var refunds: [UnitID: Set<Refund>] = [:]
    var lastStamp: [UnitID: Stamp] = [:]
    var lastEpoch: [UInt64: Epoch] = [:]
    var lastIncarnation: [UnitID: Incarnation] = [:]
    var logEpoch = Epoch(0)
    var contests: [LotID: ContestJudge] = [:]
    var current: [UnitID: Generation] = [:]
    var falsifiable: Set<UnitID> = []
    var allocatedByLog: Set<OrderID> = []
    /// The last stamp before a lot was contended in a unit: later requests may not buy locally.
    var contended: [UnitID: [LotID: Stamp]] = [:]
    var contestedOrders: [UnitID: Set<OrderID>] = [:]
    /// The units whose ledgers have orders of a buyer of a lot.
    var homes: [LotID: [BuyerID: Set<UnitID>]] = [:]
    /// Homes that the log has given a branch.
    var branched: Set<UnitID> = []
    /// Units whose ledger was replaced by an older copy.
    var setBack: Set<UnitID> = []
    let buyerLimit: Int
    /// When the sale ends, and every order in a line is released.
    let closesAt: Instant

    init(buyerLimit: Int, closesAt: Instant) {
        self.buyerLimit = buyerLimit
        self.closesAt = closesAt
    }

    mutating func expect(_ holds: Bool, _ invariant: String, _ detail: @autoclosure () -> String) {
        if !holds { self.violations.append(Violation(invariant: invariant, detail: detail())) }
    }

    // MARK: the authority log

    mutating func authorityAppended(_ records: [AuthorityRecord], by epoch: Epoch) {
        let current = self.logEpoch
        self.expect(epoch >= current, "I7", "epoch \(epoch.rawValue) wrote after \(current.rawValue)")
        for record in records {
            switch record {
            case .epoch(let epoch):
                self.expect(epoch > self.logEpoch, "I6", "the log's epoch went to \(epoch.rawValue)")
                self.logEpoch = epoch
            case .issued(let lot, let quantity): self.issued[lot, default: 0] += quantity
            case .granted(let lot, let unit, let generation, let total):
                let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
                self.expect(total >= self.authority[account]?.granted ?? 0, "I6", "G fell to \(total)")
                self.authority[account, default: Sums()].granted = total
                self.checkPool(lot)
            case .returned(let lot, let unit, let generation, let total):
                let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
                self.expect(total >= self.authority[account]?.returned ?? 0, "I6", "R fell to \(total)")
                self.expect(total <= self.highestReturned[account] ?? 0, "I1", "R \(total) that no unit gave back")
                self.authority[account, default: Sums()].returned = total
                self.checkPool(lot)
            case .settled(let lot, let unit, let generation, let sold, _):
                let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
                let sums = self.authority[account] ?? Sums()
                self.authority[account, default: Sums()].returned = sums.granted + sums.allocated - sold
                self.authority[account]!.isSettled = true
                self.checkPool(lot)
            case .contended(let lot, let terms):
                self.contests[lot] = ContestJudge(lot: lot, waitlist: terms.waitlist, closesAt: self.closesAt)
            case .contest(let lot, let batch): self.judge(lot, batch)
            case .registered(let unit, _, let generation, _, _): self.current[unit] = generation
            case .stranded(let unit, let generation, let reason, _):
                self.expect(
                    self.setBack.contains(unit) || !reason.contains("set back"), "L1",
                    "unit \(unit) could not prove a head of its ledger, which was never set back")
                if self.current[unit] == generation { self.current[unit] = nil }
            case .reinstated(let unit, let generation): self.current[unit] = generation
            case .branched(_, let branch): self.branched.insert(branch.home)
            case .carried(let carries):
                for carry in carries {
                    self.carried[carry.from, default: 0] += carry.quantity
                    self.issued[carry.to, default: 0] += carry.quantity
                    self.checkPool(carry.from)
                }
            case .coordinatorEpoch, .frozen, .drained: break
            }
        }
    }

    mutating func checkPool(_ lot: LotID) {
        let pool = self.pool(lot)
        self.expect(pool >= 0, "I1", "lot \(lot): \(-pool) more out than issued")
    }

    /// Outstanding items that are unpaid by the ledgers: each of them may still return for the waitlist.
    func unpaid(_ lot: LotID) -> Int {
        self.authority.filter { $0.key.lot == lot && !$0.value.isSettled }.reduce(0) { sum, account in
            sum + account.value.granted + account.value.allocated - account.value.returned
                - (self.units[account.key]?.paid ?? 0)
        }
    }

    func pool(_ lot: LotID) -> Int {
        let out = self.authority.filter { $0.key.lot == lot }.reduce(0) {
            $0 + $1.value.granted + $1.value.allocated - $1.value.returned
        }
        return (self.issued[lot] ?? 0) - (self.carried[lot] ?? 0) - out
    }

    mutating func judge(_ lot: LotID, _ batch: ContestBatch) {
        let (pool, unpaid) = (self.pool(lot), self.unpaid(lot))
        let findings = self.contests[lot]?.take(
            batch, pool: pool, unpaid: unpaid, current: self.current, falsifiable: self.falsifiable)
        for finding in findings ?? [
            Violation(invariant: "I9", detail: "a batch for lot \(lot), which is not contended")
        ] {
            self.violations.append(finding)
        }
        for entrant in self.contests[lot]?.lastAllocated ?? [] {
            let account = Account(lot: lot, unit: entrant.unit, generation: entrant.generation.rawValue)
            self.authority[account, default: Sums()].allocated += entrant.quantity
            self.allocatedByLog.insert(entrant.order)
        }
        self.checkPool(lot)
    }

    /// The clock of this unit was set wrong at some time.
    mutating func clockWasWrong(_ unit: UnitID) { self.falsifiable.insert(unit) }

    // MARK: answers to buyers

    mutating func answered(_ unit: UnitID, _ request: BuyRequest, _ answer: Answer) {
        self.toldBy[request.order] = unit
        switch answer {
        case .order(let order) where order.state == .contested:
            // A place in the queue is a promise, too.
            let isKept = self.contestedOrders[unit]?.contains(order.id) == true
            self.expect(isKept, "I4", "order \(order.id) has a place that is not in the ledger of unit \(unit)")
        case .order(let order):
            self.tell(request.order, .accepted)
            let isKept =
                self.ledgerOrders[unit]?.contains(order.id) == true
                || (order.state == .cancelled && self.contestedOrders[unit]?.contains(order.id) == true)
            self.expect(isKept, "I4", "order \(order.id) was acknowledged but is not in the ledger of unit \(unit)")
            if order.state.isLive || !isKept { self.promise(order) }
        case .refused(.soldOut): self.tell(request.order, .soldOut)
        case .refused(.duplicate): self.tell(request.order, .duplicate)
        case .refused(.limitReached): self.tell(request.order, .limitReached)
        case .refused: break
        }
    }

    /// The original of a cloned machine acknowledged an order. If the copy's ledger does not get it, it is a promise of a
    /// lost ledger: it counts against the stock, and an operator counts it when the quota of that ledger is settled.
    mutating func answeredByOriginal(_ unit: UnitID, _ order: Order) {
        guard order.state.isLive, self.ledgerOrders[unit]?.contains(order.id) != true else { return }
        let account = Account(lot: order.lot, unit: unit, generation: order.generation.rawValue)
        self.lostPromises[account, default: [:]][order.id] = Int(order.quantity)
        self.excused.insert(order.id)
        self.promise(order)
    }

    /// The original's own ledger ends its promises, too.
    mutating func releasedByOriginal(_ unit: UnitID, _ entries: [LedgerEntry]) {
        for case .released(let order, _) in entries {
            let account = Account(lot: order.lot, unit: unit, generation: order.generation.rawValue)
            guard self.lostPromises[account]?.removeValue(forKey: order.id) != nil else { continue }
            self.promises[order.id] = nil
        }
    }

    mutating func tell(_ order: OrderID, _ outcome: Outcome) {
        let before = self.outcomes[order]
        self.expect(
            before == nil || before == outcome || self.excused.contains(order), "I5",
            "order \(order) got \(before.map { "\($0)" } ?? "") and then \(outcome)")
        self.outcomes[order] = outcome
    }

    mutating func promise(_ order: Order) {
        guard self.promises[order.id] == nil else { return }
        self.promises[order.id] = Promise(lot: order.lot, buyer: order.buyer, quantity: Int(order.quantity))
        let promised = self.promises.values.filter { $0.lot == order.lot }.reduce(0) { $0 + $1.quantity }
        let issued = (self.issued[order.lot] ?? 0) - (self.carried[order.lot] ?? 0)
        self.expect(promised <= issued, "I3", "lot \(order.lot): \(promised) promised")
        let same = self.promises.filter { $0.value.lot == order.lot && $0.value.buyer == order.buyer }
        // No process can count a promise that a restore erased from the ledger.
        let held = same.filter { !self.excused.contains($0.key) }.reduce(0) { $0 + $1.value.quantity }
        self.expect(held <= self.buyerLimit, "I12", "buyer \(order.buyer) holds \(held)")
    }

    mutating func stamped(_ unit: UnitID, _ stamp: Stamp) {
        let last = self.lastStamp[unit] ?? .zero
        self.expect(stamp > last, "I8", "unit \(unit) gave \(stamp) after \(last)")
        self.lastStamp[unit] = stamp
    }

    mutating func heard(_ unit: UnitID, _ epoch: Epoch, session: UInt64) {
        let last = self.lastEpoch[session] ?? Epoch(0)
        self.expect(epoch >= last, "I6", "unit \(unit) went from epoch \(last.rawValue) to \(epoch.rawValue)")
        self.lastEpoch[session] = epoch
    }

    mutating func live(_ holds: Bool, _ invariant: String, _ detail: @autoclosure () -> String) {
        self.expect(holds, invariant, detail())
    }

    /// The sales of one generation of a unit's ledger, as an operator counts them from all ledgers.
    func trulyLive(_ lot: LotID, unit: UnitID, generation: Generation, orders: OrderTable) -> Int {
        let kept = orders.filter { $0.lot == lot && $0.generation == generation && $0.state.isLive }
        let lost = self.lostPromises[Account(lot: lot, unit: unit, generation: generation.rawValue)] ?? [:]
        return kept.reduce(0) { $0 + Int($1.quantity) }
            + lost.filter { id, _ in
                // A paid order holds its item, even if it is bought again in another generation.
                guard self.lostPayments.contains(id) else {
                    return orders[id]?.state.isLive != true && self.promises[id] != nil
                }
                return orders[id].map { !($0.state.isLive && $0.generation == generation) } ?? true
            }.reduce(0) { $0 + $1.value }
            + orders.filter {
                $0.lot == lot && $0.generation == generation && !$0.state.isLive
                    && self.lostPayments.contains($0.id) && lost[$0.id] == nil
            }.reduce(0) { $0 + Int($1.quantity) }
    }
}
