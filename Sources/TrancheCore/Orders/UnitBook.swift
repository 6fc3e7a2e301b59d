/// The durable state of a unit: the fold of its ledger.
///
/// The machine changes its book only by the entries that it also appends, so a replay gives the same state.
package struct UnitBook: Sendable {
    package struct Account: Hashable, Sendable {
        package let lot: LotID
        package let generation: Generation
        package init(lot: LotID, generation: Generation) { (self.lot, self.generation) = (lot, generation) }
    }
    package typealias Refund = TrancheCore.Refund

    package internal(set) var incarnation = Incarnation(0)
    package internal(set) var generation = Generation(1)
    package internal(set) var accounts: [Account: QuotaCounters] = [:]
    package internal(set) var orders = OrderTable()
    package internal(set) var refused: [OrderID: FinalRefusal] = [:]
    var held = BuyerTally()
    /// Of orders with payments in parts, or with refunds.
    package internal(set) var money: [OrderID: OrderMoney] = [:]
    /// How often ``refunds`` has changed since the book was read.
    package internal(set) var refundChanges = 0
    /// Expired orders about which the provider is asked on.
    package internal(set) var doubts: Set<OrderID> = []
    package internal(set) var lotsEverSoldOut: Set<LotID> = []
    /// Lots that are contended, each with the unit's queue of the current generation.
    package internal(set) var contests: [LotID: [Candidate]] = [:]
    /// Orders with stock from the contest.
    var allocations: Set<OrderID> = []
    var contestedByBuyer: [LotID: [BuyerID: Int]] = [:]
    /// Candidates without a decision, of the current generation.
    var undecided: [LotID: QuantityCounts] = [:]
    package internal(set) var ceiling = Stamp.zero
    package internal(set) var nonce: UInt64 = 0
    /// The process of Redis in which the lots were last primed.
    package internal(set) var redis: RedisRun?
    /// Lots whose orders are in archives.
    package internal(set) var archived: [LotID: ArchivedLot] = [:]
    /// The branches of each lot, in the order in which they were added.
    package internal(set) var branches: [LotID: [Branch]] = [:]

    package init() {}

    /// The counters of a lot in the current generation.
    package subscript(lot: LotID) -> QuotaCounters {
        self.accounts[Account(lot: lot, generation: self.generation)] ?? QuotaCounters()
    }

    package func held(by buyer: BuyerID, lot: LotID) -> Int {
        self.held.quantity(buyer, lot, in: self.orders)
    }

    /// Whether the ledger has an order of this buyer for the lot, in any state. It never becomes `false` again before the lot
    /// is archived.
    package func hasOrder(of buyer: BuyerID, lot: LotID) -> Bool {
        self.held.hasOrder(of: buyer, lot, in: self.orders)
    }

    /// The branch to which a buyer of a lot must be referred; `nil` if the buyer may buy here.
    package func branch(of buyer: BuyerID, lot: LotID) -> Branch? {
        guard let branches = self.branches[lot], let branch = HomeUnit.branch(of: buyer, among: branches),
            !self.hasOrder(of: buyer, lot: lot)
        else { return nil }
        return branch
    }

    /// Buyers with items, by lot.
    package var heldByBuyer: [LotID: [BuyerID: Int]] { self.held.holders(in: self.orders) }

    /// Items that a buyer has requested in a contest without a decision yet.
    package func contested(by buyer: BuyerID, lot: LotID) -> Int { self.contestedByBuyer[lot]?[buyer] ?? 0 }

    package func candidates(_ lot: LotID) -> [Candidate] { self.contests[lot] ?? [] }

    /// Candidates without a decision that want more than `quantity`.
    package func undecided(_ lot: LotID, above quantity: Int) -> Int { self.undecided[lot]?.above(quantity) ?? 0 }

    package func isAllocated(_ order: OrderID) -> Bool { self.allocations.contains(order) }

    /// Whether the center has granted anything, in any generation.
    package var hasGrants: Bool { self.accounts.values.contains { $0.granted > 0 || $0.allocated > 0 } }

    /// Accounts of earlier generations, in order; of the newest ones, if there are many.
    package var earlierAccounts: [(Account, QuotaCounters)] {
        self.accounts.filter { $0.key.generation < self.generation }
            .sorted { ($0.key.generation, $0.key.lot) < ($1.key.generation, $1.key.lot) }
            .suffix(Limits.earlierAccounts).map { ($0.key, $0.value) }
    }

    /// Lots with an account in the current generation, in order.
    package var lots: [LotID] {
        self.accounts.keys.filter { $0.generation == self.generation }.map(\.lot).sorted()
    }

    package mutating func apply(_ entry: LedgerEntry) {
        switch entry {
        case .opened(let incarnation): self.incarnation = max(self.incarnation, incarnation)
        case .generation(let generation):
            self.generation = max(self.generation, generation)
            for lot in self.contests.keys { self.contests[lot] = [] }
            self.undecided = [:]
        case .granted(let lot, let total): self.change(lot, self.generation) { $0.granted = max($0.granted, total) }
        case .returned(let lot, let total): self.change(lot, self.generation) { $0.returned = max($0.returned, total) }
        case .reserved(let order):
            let count = self.orders.count
            let row = self.orders.set(order)
            precondition(row == count, "order \(order.id) is reserved twice")
            self.held.change(by: Int(order.quantity), order.buyer, order.lot, order: row, in: self.orders)
            self.change(order.lot, order.generation) { $0.sold += Int(order.quantity) }
        case .confirmed(let order, let payment):
            self.orders.pay(order.id, payment)
        case .received(let id, let payment, let paid):
            self.money[id, default: OrderMoney()].receive(payment)
            self.orders.set(id, paid: paid)
        case .released(let order, let state): self.release(order.id, state)
        case .refused(let id, _, let reason): self.refused[id] = reason
        case .refundDue(let refund):
            self.refundChanges += 1
            self.money[refund.order, default: OrderMoney()].owe(refund)
        case .refunded(let key):
            self.refundChanges += 1
            self.money[key.order]?.refunded(key.number)
        case .revived(let order, let payment): self.revive(order.id, payment)
        case .doubt(let id, true): self.doubts.insert(id)
        case .doubt(let id, false): self.doubts.remove(id)
        case .nonce(let nonce): self.nonce = nonce
        case .soldOut(let lot): self.lotsEverSoldOut.insert(lot)
        case .contended(let lot): self.contests[lot] = self.contests[lot] ?? []
        case .contested(let order, let uncertainty): self.addCandidate(order, uncertainty)
        case .allocated(let order, _): self.allocate(order)
        case .lost(let order):
            self.leaveContest(order)
            self.orders.set(order)
        case .ceiling(let stamp): self.ceiling = max(self.ceiling, stamp)
        case .ceilingReset(let stamp): self.ceiling = stamp
        case .redis(let run): self.redis = run
        case .archived(let archived): self.archive(archived)
        case .branched(let lot, let branch):
            guard self.branches[lot]?.contains(where: { $0.unit == branch.unit }) != true else { return }
            self.branches[lot, default: []].append(branch)
        }
    }

    private mutating func addCandidate(_ order: Order, _ uncertainty: Int64) {
        precondition(self.orders.state(of: order.id) == nil, "order \(order.id) is contested twice")
        self.orders.set(order)
        self.hold(order, 0)
        self.contestedByBuyer[order.lot, default: [:]][order.buyer, default: 0] += Int(order.quantity)
        self.undecided[order.lot, default: QuantityCounts()].add(1, of: Int(order.quantity))
        let index = self.contests[order.lot]?.count ?? 0
        self.contests[order.lot, default: []].append(
            Candidate(
                index: index, order: order.id, quantity: Int(order.quantity), stamp: order.stamp,
                uncertainty: uncertainty))
    }

    private mutating func leaveContest(_ order: Order) {
        guard self.orders.state(of: order.id) == .contested else { return }
        let left = self.contested(by: order.buyer, lot: order.lot) - Int(order.quantity)
        self.contestedByBuyer[order.lot]?[order.buyer] = left > 0 ? left : nil
        guard order.generation == self.generation else { return }  // The queue of its generation is gone.
        self.undecided[order.lot]?.add(-1, of: Int(order.quantity))
    }

    private mutating func allocate(_ order: Order) {
        precondition(self.allocations.insert(order.id).inserted, "order \(order.id) is allocated twice")
        self.leaveContest(order)
        self.change(order.lot, order.generation) { $0.allocated += Int(order.quantity) }
        guard order.state == .reserved else { return }
        self.orders.set(order)
        self.hold(order, Int(order.quantity))
        self.change(order.lot, order.generation) { $0.sold += Int(order.quantity) }
    }

    private mutating func release(_ id: OrderID, _ state: OrderState) {
        guard let order = self.orders[id], order.state == .reserved else {
            preconditionFailure("order \(id) is released and not reserved")
        }
        self.orders.set(id, state: state)
        self.hold(order, -Int(order.quantity))
        self.change(order.lot, order.generation) { $0.cancelled += Int(order.quantity) }
    }

    private mutating func revive(_ id: OrderID, _ payment: PaymentID) {
        guard let order = self.orders[id], order.state == .expired else {
            preconditionFailure("order \(id) is revived and not expired")
        }
        self.orders.pay(id, payment)
        self.hold(order, Int(order.quantity))
        self.change(order.lot, order.generation) { $0.sold += Int(order.quantity) }
    }

    private mutating func hold(_ order: Order, _ quantity: Int) {
        guard let row = self.orders.row(of: order.id) else { return }
        self.held.change(by: quantity, order.buyer, order.lot, order: row, in: self.orders)
    }

    private mutating func change(_ lot: LotID, _ generation: Generation, _ body: (inout QuotaCounters) -> Void) {
        body(&self.accounts[Account(lot: lot, generation: generation), default: QuotaCounters()])
    }
}
