import Storage
import TrancheCore

/// One ledger, recounted from its journal with separate arithmetic: nothing here calls the machines.
struct UnitEvidence {
    struct Account: Hashable { let lot: LotID; let generation: Generation }
    struct Sums: Equatable { var granted = 0, allocated = 0, returned = 0, sold = 0, cancelled = 0 }
    struct Sold {
        let order: Order
        var state: OrderState
        /// The one that was taken for it.
        var payment: PaymentID?
    }
    struct Contested {
        let order: Order
        let uncertainty: Int64
        var state: OrderState
        /// The end of its reservation, or the time when it ended without one.
        var deadline: Instant?
    }

    let name: String
    let audit: LedgerAudit
    var sums: [Account: Sums] = [:]
    var orders: [OrderID: Sold] = [:]
    var refused: Set<OrderID> = []
    var held: [LotID: [BuyerID: Int]] = [:]
    var generation = Generation(1)
    /// Findings by invariant.
    var findings: [String: [String]] = [:]
    /// Orders of contests in any state, and the uncertainty of their stamps.
    var contested: [OrderID: Contested] = [:]
    /// Contended lots, and whether their contest has begun. Local sales under way at the switch come before that.
    private var contended: [LotID: Bool] = [:]
    /// Items that the unit returned when a lot was contended.
    private(set) var leftover: [LotID: Int] = [:]
    /// Lots whose orders are in files of their own, as the ledger names them.
    private(set) var archived: [LotID: ArchivedLot] = [:]
    /// Orders that were in the ledger when their lot was archived.
    private(set) var archivedOrders: Set<OrderID> = []
    /// Payments that must be refunded.
    private(set) var refunds: [VerifyReport.Refund] = []
    private var refundRows: [RefundKey: Int] = [:]
    /// What was received for orders, and what is due back.
    private(set) var money = MoneyEvidence()
    /// The branches of each lot, in order, and the buyers who have an order in the ledger.
    var branches: [LotID: [Branch]] = [:]
    var known: [LotID: Set<BuyerID>] = [:]
    private(set) var incarnation = Incarnation(0)
    private var ceiling = Stamp.zero
    /// Processes before the last one gave no stamp at or above this one.
    private(set) var ceilingAtOpening = Stamp.zero
    private var stamps: Set<Stamp> = []

    init(name: String, audit: LedgerAudit) {
        self.name = name
        self.audit = audit
        for commit in audit.commits {
            if !commit.isChained || commit.entries == nil {
                self.addFinding(
                    "I4", "the hash chain breaks at position \(commit.head.position): rows were changed or removed")
            }
            for entry in commit.entries ?? [] { self.take(entry) }
            if let snapshot = audit.snapshot, snapshot.head == commit.head { self.compare(snapshot) }
        }
        self.money.judge(self.orders)
        for finding in self.money.findings { self.addFinding("I13", finding) }
        self.compareTables()
        self.compareArchives()
    }

    /// Items of a lot that buyers hold or have paid for, of one generation.
    func live(_ lot: LotID, _ generation: Generation) -> Int {
        self.orders.values.filter {
            $0.order.lot == lot && $0.order.generation == generation && ($0.state == .reserved || $0.state == .paid)
        }.reduce(0) { $0 + Int($1.order.quantity) }
    }

    mutating func addFinding(_ invariant: String, _ detail: String) {
        // A damaged file gives thousands of findings; the first ones show the cause.
        if self.findings[invariant, default: []].count < 5 {
            self.findings[invariant, default: []].append("\(self.name): \(detail)")
        }
    }

    private mutating func take(_ entry: LedgerEntry) {
        self.money.take(entry)
        switch entry {
        case .opened(let incarnation):
            if incarnation <= self.incarnation {
                self.addFinding("I7", "incarnation \(incarnation.rawValue) after \(self.incarnation.rawValue)")
            }
            self.incarnation = incarnation
            self.ceilingAtOpening = self.ceiling
        case .generation(let generation):
            if generation <= self.generation {
                self.addFinding("I6", "generation \(generation.rawValue) after \(self.generation.rawValue)")
            }
            self.generation = generation
        case .granted(let lot, let total):
            self.change(lot, self.generation) { sums in
                defer { sums.granted = total }
                return total < sums.granted ? ("I6", "granted of lot \(lot) fell to \(total)") : nil
            }
        case .returned(let lot, let total):
            if self.contended[lot] != nil, self.leftover[lot] == nil {
                let before = self.sums[Account(lot: lot, generation: self.generation)]?.returned ?? 0
                self.leftover[lot] = max(0, total - before)
            }
            self.change(lot, self.generation) { sums in
                defer { sums.returned = total }
                return total < sums.returned ? ("I6", "returned of lot \(lot) fell to \(total)") : nil
            }
        case .reserved(let order): self.reserve(order)
        case .confirmed(let order, let payment):
            self.settle(order.id, .paid)
            self.orders[order.id]?.payment = payment
        case .released(let order, let state):
            self.settle(order.id, state)
            // Later returns were sold before: they are not the rest at the switch.
            if self.contended[order.lot] != nil { self.leftover[order.lot] = self.leftover[order.lot] ?? 0 }
            self.change(order.lot, order.generation) {
                $0.cancelled += Int(order.quantity); return nil
            }
            let left = (self.held[order.lot]?[order.buyer] ?? 0) - Int(order.quantity)
            self.held[order.lot, default: [:]][order.buyer] = left == 0 ? nil : left
        case .refused(let order, _, _):
            if self.orders[order] != nil { self.addFinding("I5", "order \(order) was accepted and refused") }
            self.refused.insert(order)
        case .contended(let lot): self.contended[lot] = false
        case .contested(let order, let uncertainty): self.enterContest(order, uncertainty)
        case .allocated(let order, _): self.allocate(order)
        case .lost(let order):
            guard self.contested[order.id] != nil else {
                return self.addFinding("I5", "order \(order.id) was lost, but never contested")
            }
            self.contested[order.id]?.state = order.state
            self.contested[order.id]?.deadline = order.deadline
        case .ceiling(let stamp): self.ceiling = max(self.ceiling, stamp)
        case .ceilingReset(let stamp): self.ceiling = stamp
        case .refundDue(let refund):
            if refund.number > 0 { self.refundRows[refund.key] = self.refunds.count }
            let hasAmount = !refund.amount.isNone
            self.refunds.append(
                .init(
                    unit: self.name, order: refund.order, payment: refund.payment, reason: refund.reason,
                    amount: hasAmount ? refund.amount.minor : nil,
                    currency: hasAmount ? refund.amount.currency.code : nil, isDone: false))
        case .refunded(let key): if let row = self.refundRows[key] { self.refunds[row].isDone = true }
        case .revived(let order, let payment): self.revive(order, payment)
        case .archived(let archived): self.archive(archived)
        case .branched(let lot, let branch): self.takeBranch(lot, branch)
        case .nonce, .soldOut, .redis, .received, .doubt: break
        }
    }

    private mutating func archive(_ archived: ArchivedLot) {
        if self.archived.updateValue(archived, forKey: archived.lot) != nil {
            self.addFinding("I4", "lot \(archived.lot) was archived twice")
        }
        let sold = self.orders.values.filter { $0.order.lot == archived.lot }
        let ended = self.contested.values.filter { $0.order.lot == archived.lot && self.orders[$0.order.id] == nil }
        let open =
            sold.filter { $0.state == .reserved }.map(\.order.id)
            + ended.filter { $0.state == .contested }.map(\.order.id)
        if let open = open.first { self.addFinding("I4", "order \(open) was archived before it had ended") }
        self.archivedOrders.formUnion(sold.map(\.order.id) + ended.map(\.order.id))
    }

    private mutating func reserve(_ order: Order) {
        if self.orders[order.id] != nil { self.addFinding("I5", "order \(order.id) is in the ledger twice") }
        if self.refused.contains(order.id) { self.addFinding("I5", "order \(order.id) was refused and accepted") }
        if self.contested[order.id] == nil {
            self.checkHome(order)
            self.checkStamp(order)
            if self.contended[order.lot] == true {
                self.addFinding("I10", "order \(order.id) was sold locally, ahead of requests in the contest")
            }
        }
        self.orders[order.id] = Sold(order: order, state: .reserved)
        let held = (self.held[order.lot]?[order.buyer] ?? 0) + Int(order.quantity)
        self.held[order.lot, default: [:]][order.buyer] = held
        self.change(order.lot, order.generation) {
            $0.sold += Int(order.quantity); return nil
        }
    }

    private mutating func checkStamp(_ order: Order) {
        if !self.stamps.insert(order.stamp).inserted { self.addFinding("I8", "stamp \(order.stamp) was given twice") }
        if order.stamp >= self.ceiling {
            self.addFinding("I8", "stamp \(order.stamp) is not below the durable ceiling \(self.ceiling)")
        }
    }

    private mutating func enterContest(_ order: Order, _ uncertainty: Int64) {
        if self.orders[order.id] != nil || self.contested[order.id] != nil {
            self.addFinding("I5", "order \(order.id) is in the ledger twice")
        }
        self.checkHome(order)
        self.checkStamp(order)
        self.contended[order.lot] = true
        self.contested[order.id] = Contested(order: order, uncertainty: uncertainty, state: .contested)
    }

    private mutating func allocate(_ order: Order) {
        if self.contested[order.id] == nil {
            self.addFinding("I9", "order \(order.id) got stock by a contest that it was not in")
        }
        self.change(order.lot, order.generation) {
            $0.allocated += Int(order.quantity); return nil
        }
        guard order.state == .reserved else { return }
        self.contested[order.id]?.state = .reserved
        self.contested[order.id]?.deadline = order.deadline
        self.reserve(order)
    }

    /// An expired order has its items again, because its payment came late.
    private mutating func revive(_ order: Order, _ payment: PaymentID) {
        guard self.orders[order.id]?.state == .expired else {
            return self.addFinding("I5", "order \(order.id) was revived, and had not expired")
        }
        if self.contended[order.lot] != nil {
            self.addFinding("I10", "order \(order.id) was revived, ahead of requests in the contest")
        }
        self.orders[order.id]?.state = .paid
        self.orders[order.id]?.payment = payment
        self.held[order.lot, default: [:]][order.buyer, default: 0] += Int(order.quantity)
        self.change(order.lot, order.generation) {
            $0.sold += Int(order.quantity); return nil
        }
    }

    private mutating func settle(_ id: OrderID, _ state: OrderState) {
        guard let sold = self.orders[id] else {
            return self.addFinding("I5", "order \(id) was \(state.name) but never reserved")
        }
        if sold.state != .reserved {
            self.addFinding("I5", "order \(id) was \(sold.state.name) and then \(state.name)")
        }
        self.orders[id]?.state = state
    }

    private mutating func change(
        _ lot: LotID, _ generation: Generation, _ body: (inout Sums) -> (String, String)?
    ) {
        let account = Account(lot: lot, generation: generation)
        if let (invariant, detail) = body(&self.sums[account, default: Sums()]) { self.addFinding(invariant, detail) }
        let sums = self.sums[account]!
        if sums.sold - sums.cancelled + sums.returned > sums.granted + sums.allocated || sums.cancelled > sums.sold {
            self.addFinding(
                "I2",
                "lot \(lot): sold \(sums.sold) - cancelled \(sums.cancelled) + returned \(sums.returned) > granted \(sums.granted) + allocated \(sums.allocated)"
            )
        }
    }

    /// The guarding tables must agree with the journal.
    private mutating func compareTables() {
        var told: [Account: Sums] = [:]
        for account in self.audit.accounts {
            told[Account(lot: account.lot, generation: account.generation)] = Sums(
                granted: account.counters.granted, allocated: account.counters.allocated,
                returned: account.counters.returned, sold: account.counters.sold,
                cancelled: account.counters.cancelled)
        }
        for account in Set(told.keys).union(self.sums.keys).sorted(by: {
            ($0.lot, $0.generation) < ($1.lot, $1.generation)
        }) {
            let (table, journal) = (told[account] ?? Sums(), self.sums[account] ?? Sums())
            if table != journal {
                self.addFinding("I2", "lot \(account.lot): the table says \(table), the journal \(journal)")
            }
        }
    }
}
