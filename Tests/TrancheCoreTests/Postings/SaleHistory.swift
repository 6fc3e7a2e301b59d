import TrancheCore

/// A sale that could have been: records of the log and entries of ledgers that agree, and what must come out of them.
struct SaleHistory {
    private struct Key: Hashable { let lot: LotID; let unit: UnitID; let generation: Generation }
    private struct Account { var granted = 0, allocated = 0, returned = 0, sold = 0, cancelled = 0 }

    static let lots: [LotID] = [LotID(1), LotID(2)]
    static let units: [UnitID] = [UnitID(1), UnitID(2), UnitID(3)]

    private(set) var records: [AuthorityRecord] = []
    private(set) var entries: [UnitID: [LedgerEntry]] = [:]
    private(set) var figures: [LotID: PostingFigures] = [:]
    private(set) var payments = 0
    private(set) var refunds = 0
    private var accounts: [Key: Account] = [:]
    private var generations: [UnitID: Generation] = [:]
    private var reserved: [(unit: UnitID, order: Order)] = []
    private var ended: [(unit: UnitID, order: Order)] = []
    private var orders: UInt64 = 0
    private var batches: UInt64 = 0

    init(seed: UInt64, steps: Int) {
        var draw = SeededDraw(seed)
        for lot in Self.lots { self.issue(lot, 1 + draw.below(500)) }
        for _ in 0..<steps { self.step(&draw) }
    }

    private mutating func step(_ draw: inout SeededDraw) {
        let (lot, unit) = (Self.lots[draw.below(Self.lots.count)], Self.units[draw.below(Self.units.count)])
        switch draw.below(20) {
        case 0: self.issue(lot, 1 + draw.below(50))
        case 1...4: self.grant(lot, unit, 1 + draw.below(20))
        case 5...10: self.reserve(lot, unit, 1 + draw.below(3))
        case 11...13: self.end(draw.below(1_000)) { $0.confirm($1, $2) }
        case 14, 15: self.end(draw.below(1_000)) { $0.release($1, $2) }
        case 16: self.giveBack(lot, unit, 1 + draw.below(10))
        case 17: self.allocate(lot, unit, 1 + draw.below(3))
        case 18: self.refund(draw.below(1_000))
        default: if draw.below(4) == 0 { self.strand(unit, isSettled: draw.below(2) == 0) }
        }
    }

    private func generation(_ unit: UnitID) -> Generation { self.generations[unit] ?? Generation(1) }

    private func key(_ lot: LotID, _ unit: UnitID) -> Key {
        Key(lot: lot, unit: unit, generation: self.generation(unit))
    }

    private func available(_ key: Key) -> Int {
        let account = self.accounts[key] ?? Account()
        return account.granted + account.allocated - account.returned - account.sold + account.cancelled
    }

    private func order(_ lot: LotID, _ unit: UnitID, _ quantity: Int) -> Order {
        Order(
            id: OrderID(high: 1, low: self.orders), buyer: BuyerID("b\(self.orders)")!, lot: lot, quantity: quantity,
            buyerLimit: 9, generation: self.generation(unit), stamp: Stamp(rawValue: self.orders),
            deadline: Instant(microseconds: 9))
    }

    private mutating func add(_ entry: LedgerEntry, _ unit: UnitID) { self.entries[unit, default: []].append(entry) }

    private mutating func issue(_ lot: LotID, _ quantity: Int) {
        self.records.append(.issued(lot, quantity: quantity))
        self.figures[lot, default: PostingFigures()].issued += quantity
        self.figures[lot]!.pool += quantity
    }

    private mutating func grant(_ lot: LotID, _ unit: UnitID, _ wanted: Int) {
        let (key, quantity) = (self.key(lot, unit), min(wanted, self.figures[lot]!.pool))
        guard quantity > 0 else { return }
        self.accounts[key, default: Account()].granted += quantity
        let total = self.accounts[key]!.granted
        self.records.append(.granted(lot, unit, key.generation, total: total))
        self.add(.granted(lot, total: total), unit)
        self.figures[lot]!.pool -= quantity
        self.figures[lot]!.available += quantity
    }

    private mutating func reserve(_ lot: LotID, _ unit: UnitID, _ quantity: Int) {
        let key = self.key(lot, unit)
        guard self.available(key) >= quantity else { return }
        self.orders += 1
        let order = self.order(lot, unit, quantity)
        self.accounts[key, default: Account()].sold += quantity
        self.add(.reserved(order), unit)
        self.reserved.append((unit, order))
        self.figures[lot]!.available -= quantity
        self.figures[lot]!.held += quantity
    }

    private mutating func end(_ number: Int, _ body: (inout SaleHistory, UnitID, Order) -> Void) {
        guard !self.reserved.isEmpty else { return }
        let (unit, order) = self.reserved.remove(at: number % self.reserved.count)
        // The process of a stranded generation is gone.
        guard order.generation == self.generation(unit) else { return }
        body(&self, unit, order)
        self.ended.append((unit, order))
    }

    private mutating func confirm(_ unit: UnitID, _ order: Order) {
        self.add(.confirmed(order, payment: PaymentID("pay \(order.id.low)")!), unit)
        self.figures[order.lot]!.held -= Int(order.quantity)
        self.figures[order.lot]!.paid += Int(order.quantity)
        self.payments += 1
    }

    private mutating func release(_ unit: UnitID, _ order: Order) {
        self.add(.released(order, state: order.id.low % 2 == 0 ? .expired : .cancelled), unit)
        self.accounts[self.key(order.lot, unit)]!.cancelled += Int(order.quantity)
        self.figures[order.lot]!.held -= Int(order.quantity)
        self.figures[order.lot]!.available += Int(order.quantity)
    }

    private mutating func refund(_ number: Int) {
        guard !self.ended.isEmpty else { return }
        let (unit, order) = self.ended[number % self.ended.count]
        self.add(.refundDue(order.id, payment: PaymentID("late \(self.refunds)")!, reason: .orderOver), unit)
        self.refunds += 1
    }

    private mutating func giveBack(_ lot: LotID, _ unit: UnitID, _ wanted: Int) {
        let (key, quantity) = (self.key(lot, unit), min(wanted, self.available(self.key(lot, unit))))
        guard quantity > 0 else { return }
        self.accounts[key]!.returned += quantity
        let total = self.accounts[key]!.returned
        self.add(.returned(lot, total: total), unit)
        self.records.append(.returned(lot, unit, key.generation, total: total))
        self.figures[lot]!.available -= quantity
        self.figures[lot]!.pool += quantity
    }

    /// A contest gives an order its items; one more order waits, and gets nothing.
    private mutating func allocate(_ lot: LotID, _ unit: UnitID, _ quantity: Int) {
        guard self.figures[lot]!.pool >= quantity else { return }
        self.orders += 2
        let order = self.order(lot, unit, quantity)
        let key = self.key(lot, unit)
        let loser = OrderID(high: 1, low: self.orders - 1)
        func entrant(_ id: OrderID) -> ContestBatch.Entrant {
            ContestBatch.Entrant(
                order: id, unit: unit, generation: key.generation, quantity: quantity, place: .zero,
                stamp: order.stamp, uncertainty: 0, isLate: false, index: nil)
        }
        self.batches += 1
        self.records.append(
            .contest(
                lot,
                ContestBatch(
                    number: self.batches, at: Instant(microseconds: 1), frontier: .zero,
                    passed: [entrant(loser), entrant(order.id)], allocated: [order.id], released: [loser],
                    waited: [])))
        self.add(.contested(order, uncertaintyMicroseconds: 0), unit)
        self.add(.allocated(order, isOffer: false), unit)
        self.accounts[key, default: Account()].allocated += quantity
        self.accounts[key]!.sold += quantity
        self.reserved.append((unit, order))
        self.figures[lot]!.pool -= quantity
        self.figures[lot]!.held += quantity
    }

    /// The unit's generation is unreliable. Settled by its ledger, what it has not sold goes back to the pool.
    private mutating func strand(_ unit: UnitID, isSettled: Bool) {
        let generation = self.generation(unit)
        self.records.append(.stranded(unit, generation, reason: "test", witness: nil))
        for lot in Self.lots {
            let key = self.key(lot, unit)
            guard let account = self.accounts[key] else { continue }
            let rest = self.available(key)
            self.figures[lot]!.available -= rest
            if isSettled {
                let sold = account.sold - account.cancelled
                self.records.append(.settled(lot, unit, generation, sold: sold, byLedger: true))
                self.figures[lot]!.pool += rest
            } else {
                self.figures[lot]!.stranded += rest
            }
        }
        self.generations[unit] = generation.next
        self.add(.generation(generation.next), unit)
    }
}
