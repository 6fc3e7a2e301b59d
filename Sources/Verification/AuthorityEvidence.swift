import TrancheCore

/// The authority log, recounted with separate arithmetic.
struct AuthorityEvidence {
    struct Key: Hashable { let unit: UnitID; let generation: Generation }
    struct Account { var granted = 0, allocated = 0, returned = 0; var isStranded = false, isSettled = false }
    struct Lot {
        var issued = 0
        /// Went into other lots for good.
        var carried = 0
        /// The lot from which a part of the issue came.
        var origin: LotID?
        var accounts: [Key: Account] = [:]
        var pool: Int {
            self.issued - self.carried
                - self.accounts.values.reduce(0) { $0 + $1.granted + $1.allocated - $1.returned }
        }
    }
    private(set) var lots: [LotID: Lot] = [:]
    private(set) var epoch: UInt64 = 0
    private(set) var coordinator: UInt64 = 0
    private(set) var fallen: [String] = []
    private(set) var outOfTurn: [String] = []
    private(set) var overdrawn: [String] = []
    private(set) var contests: [LotID: ContestEvidence] = [:]
    /// All units that have registered.
    private(set) var units: Set<UnitID> = []
    /// Units that were added to open sales, by lot and home, in the order of the log.
    private(set) var branches: [LotID: [UnitID: [UnitID]]] = [:]
    private var current: [UnitID: Generation] = [:]

    init(_ records: [AuthorityRecord]) {
        for record in records {
            switch record {
            case .epoch(let epoch):
                if epoch.rawValue <= self.epoch {
                    self.outOfTurn.append("center epoch \(epoch.rawValue) after \(self.epoch)")
                }
                self.epoch = epoch.rawValue
            case .coordinatorEpoch(let epoch):
                if epoch.rawValue <= self.coordinator {
                    self.outOfTurn.append("coordinator epoch \(epoch.rawValue) after \(self.coordinator)")
                }
                self.coordinator = epoch.rawValue
            case .issued(let lot, let quantity): self.lots[lot, default: Lot()].issued += quantity
            case .granted(let lot, let unit, let generation, let total):
                self.change(lot, unit, generation) { account in
                    defer { account.granted = total }
                    return total < account.granted ? "G of unit \(unit), lot \(lot), fell to \(total)" : nil
                }
                if self.lots[lot]!.pool < 0 { self.overdrawn.append("lot \(lot): granted more than the pool held") }
            case .returned(let lot, let unit, let generation, let total):
                self.change(lot, unit, generation) { account in
                    defer { account.returned = total }
                    return total < account.returned ? "R of unit \(unit), lot \(lot), fell to \(total)" : nil
                }
            case .settled(let lot, let unit, let generation, let sold, _):
                self.change(lot, unit, generation) { account in
                    account.returned = account.granted + account.allocated - sold
                    (account.isStranded, account.isSettled) = (false, true)
                    return nil
                }
            case .stranded(let unit, let generation, _, _):
                self.mark(unit, generation, isStranded: true)
                if self.current[unit] == generation { self.current[unit] = nil }
            case .reinstated(let unit, let generation):
                self.mark(unit, generation, isStranded: false)
                self.current[unit] = generation
            case .contended(let lot, let terms):
                self.contests[lot] = ContestEvidence(lot: lot, terms: terms, pool: self.lots[lot]?.pool ?? 0)
            case .contest(let lot, let batch): self.take(lot, batch)
            case .registered(let unit, _, let generation, _, _):
                self.current[unit] = generation
                self.units.insert(unit)
            case .branched(let lot, let branch):
                let earlier = self.branches[lot]?[branch.home] ?? []
                if branch.home == branch.unit || earlier.contains(branch.unit) {
                    self.outOfTurn.append("lot \(lot): unit \(branch.unit) became a branch of \(branch.home) again")
                } else {
                    self.branches[lot, default: [:]][branch.home] = earlier + [branch.unit]
                }
            case .carried(let carries): for carry in carries { self.take(carry) }
            case .frozen, .drained: break
            }
        }
    }

    /// Items leave one lot and enter another one. What is carried twice is missing in the first lot's pool.
    private mutating func take(_ carry: Carry) {
        if carry.quantity <= 0 || carry.from == carry.to {
            self.overdrawn.append("lot \(carry.from): \(carry.quantity) items were carried into lot \(carry.to)")
        }
        self.lots[carry.from, default: Lot()].carried += carry.quantity
        if self.lots[carry.from]!.pool < 0 {
            self.overdrawn.append("lot \(carry.from): carried more into lot \(carry.to) than the pool held")
        }
        let before = self.lots[carry.to] ?? Lot()
        if let origin = before.origin ?? (before.issued > 0 ? carry.to : nil), origin != carry.from {
            self.overdrawn.append(
                "lot \(carry.to): it got items of lot \(carry.from), and had \(before.issued) that come from elsewhere")
        }
        self.lots[carry.to, default: Lot()].issued += carry.quantity
        self.lots[carry.to]!.origin = carry.from
    }

    private mutating func take(_ lot: LotID, _ batch: ContestBatch) {
        let pool = self.lots[lot]?.pool ?? 0
        guard self.contests[lot] != nil else {
            return self.outOfTurn.append("a batch for lot \(lot), which is not contended")
        }
        for entrant in self.contests[lot]!.take(batch, pool: pool, current: self.current) {
            self.change(lot, entrant.unit, entrant.generation) { account in
                account.allocated += entrant.quantity
                return nil
            }
        }
        if self.lots[lot]!.pool < 0 { self.overdrawn.append("lot \(lot): allocated more than the pool held") }
    }

    func account(_ lot: LotID, _ unit: UnitID, _ generation: Generation) -> Account {
        self.lots[lot]?.accounts[Key(unit: unit, generation: generation)] ?? Account()
    }

    private mutating func change(
        _ lot: LotID, _ unit: UnitID, _ generation: Generation, _ body: (inout Account) -> String?
    ) {
        let key = Key(unit: unit, generation: generation)
        if let finding = body(&self.lots[lot, default: Lot()].accounts[key, default: Account()]) {
            self.fallen.append(finding)
        }
    }

    private mutating func mark(_ unit: UnitID, _ generation: Generation, isStranded: Bool) {
        let key = Key(unit: unit, generation: generation)
        for lot in self.lots.keys where self.lots[lot]!.accounts[key]?.isSettled == false {
            self.lots[lot]!.accounts[key]!.isStranded = isStranded
        }
    }
}
