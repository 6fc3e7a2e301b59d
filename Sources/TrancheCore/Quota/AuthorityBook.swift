/// The durable state of the authority: the fold of its log.
package struct AuthorityBook: Sendable, Codable {
    package enum AccountStatus: Hashable, Sendable, Codable {
        case active
        case stranded(reason: String)
        case settled
    }
    package struct Account: Hashable, Sendable, Codable {
        package let unit: UnitID
        package let generation: Generation
        /// `G`
        package var granted = 0
        /// `A`: given to orders of this unit by contests.
        package var allocated = 0
        /// `R`
        package var returned = 0
        package var status = AccountStatus.active
        /// Settled by its own ledger, which may correct the settlement; an operator's count is final.
        package var isSettledByLedger: Bool?
        package var outstanding: Int { self.granted + self.allocated - self.returned }
        package var isStranded: Bool { if case .stranded = self.status { true } else { false } }

        // Snapshots of the log have these names.
        private enum CodingKeys: String, CodingKey {
            case unit, generation, granted, allocated, returned, isSettledByLedger
            case status = "standing"
        }
    }
    package struct Lot: Sendable, Codable {
        package var issued = 0
        package var pool = 0
        /// The contest of the lot, from the moment when it is contended.
        package var contest: ContestBook?
        package var isFrozen = false
        package var accounts: [Account] = []
        /// In the order in which they were added; `nil` for none. (Earlier versions had none.)
        package var branches: [BranchRecord]?
        /// Items that became stock of other lots; `nil` for none. (Earlier versions had none.)
        package var carried: Int?
        /// The carried items among those that were issued, in all; `nil` for none.
        package var origin: Carry?
    }
    package struct Unit: Hashable, Sendable, Codable {
        package var ledger: LedgerID
        package var generation: Generation
        package var incarnation: Incarnation
        package var session: UInt64
        package var isDrained = false
        /// The last witness of the ledger of each stranded generation.
        package var stranded: [Stranded]?
    }
    package struct Stranded: Hashable, Sendable, Codable {
        package let generation: Generation
        package let witness: LedgerHead
    }
    /// Stranded generations of a unit whose witness is kept; the newest ones.
    static let strandedLimit = 8

    package private(set) var epoch = Epoch(0)
    package private(set) var coordinatorEpoch = Epoch(0)
    package private(set) var lots: [LotID: Lot] = [:]
    package private(set) var units: [UnitID: Unit] = [:]

    package init() {}

    package func account(_ lot: LotID, _ unit: UnitID, _ generation: Generation) -> Account {
        self.lots[lot]?.accounts.first { $0.unit == unit && $0.generation == generation }
            ?? Account(unit: unit, generation: generation)
    }

    package func hasBranch(_ lot: LotID, of home: UnitID, to unit: UnitID) -> Bool {
        (self.lots[lot]?.branches ?? []).contains { $0.home == home && $0.unit == unit }
    }

    /// Every account of one generation of a unit, with its lot, in order of the lot.
    package func accounts(_ unit: UnitID, _ generation: Generation) -> [(lot: LotID, account: Account)] {
        self.lots.keys.sorted().flatMap { lot in
            self.lots[lot]!.accounts.filter { $0.unit == unit && $0.generation == generation }.map { (lot, $0) }
        }
    }

    /// Granted and not returned, in generations that are reliable or settled.
    package func outstanding(_ lot: LotID) -> Int { self.sum(lot) { !$0.isStranded } - self.allocated(lot) }

    /// Allocated by contests and not returned, of the same generations.
    package func allocated(_ lot: LotID) -> Int {
        (self.lots[lot]?.accounts ?? []).filter { !$0.isStranded }.reduce(0) { $0 + min($1.allocated, $1.outstanding) }
    }

    /// Granted and not returned, in stranded generations.
    package func stranded(_ lot: LotID) -> Int { self.sum(lot) { $0.isStranded } }

    private func sum(_ lot: LotID, where included: (Account) -> Bool) -> Int {
        (self.lots[lot]?.accounts ?? []).filter(included).reduce(0) { $0 + $1.outstanding }
    }

    /// I1 for one lot, and the signs of all terms.
    package func isConserved(_ id: LotID) -> Bool {
        guard let lot = self.lots[id] else { return true }
        let carried = lot.carried ?? 0
        return lot.pool >= 0 && carried >= 0 && lot.accounts.allSatisfy { $0.outstanding >= 0 }
            && lot.pool + self.outstanding(id) + self.allocated(id) + self.stranded(id) + carried == lot.issued
    }

    package mutating func apply(_ record: AuthorityRecord) {
        switch record {
        case .epoch(let epoch): self.epoch = max(self.epoch, epoch)
        case .coordinatorEpoch(let epoch): self.coordinatorEpoch = max(self.coordinatorEpoch, epoch)
        case .issued(let lot, let quantity):
            self.lots[lot, default: Lot()].issued += quantity
            self.lots[lot, default: Lot()].pool += quantity
        case .granted(let lot, let unit, let generation, let total):
            self.change(lot, unit, generation) { lot, account in
                let gain = max(0, total - account.granted)
                account.granted += gain
                lot.pool -= gain
            }
        case .returned(let lot, let unit, let generation, let total):
            self.change(lot, unit, generation) { lot, account in
                let gain = max(0, total - account.returned)
                account.returned += gain
                lot.pool += gain
            }
        case .registered(let unit, let ledger, let generation, let incarnation, let session):
            if self.units[unit] == nil {
                self.units[unit] = Unit(
                    ledger: ledger, generation: generation, incarnation: incarnation, session: session)
            }
            self.units[unit]!.ledger = ledger
            self.units[unit]!.generation = max(self.units[unit]!.generation, generation)
            self.units[unit]!.incarnation = incarnation
            self.units[unit]!.session = session
        case .stranded(let unit, let generation, let reason, let witness):
            self.keep(witness, of: unit, generation)
            // A settled account stays settled: its stock is in the pool again.
            for (lot, account) in self.accounts(unit, generation) where account.status != .settled {
                self.change(lot, unit, generation) { $1.status = .stranded(reason: reason) }
            }
        case .reinstated(let unit, let generation):
            for (lot, account) in self.accounts(unit, generation) where account.isStranded {
                self.change(lot, unit, generation) { $1.status = .active }
            }
        case .settled(let lot, let unit, let generation, let sold, let byLedger):
            self.change(lot, unit, generation) { lot, account in
                account.isSettledByLedger = byLedger
                let back = max(0, account.outstanding - sold)
                account.returned += back
                account.status = .settled
                lot.pool += back
            }
        case .contended(let lot, let terms):
            if self.lots[lot]?.contest == nil { self.lots[lot]?.contest = ContestBook(terms: terms) }
        case .contest(let lot, let batch): self.allocate(lot, batch)
        case .frozen(let lot, let isFrozen): self.lots[lot]?.isFrozen = isFrozen
        case .drained(let unit, let isDrained): self.units[unit]?.isDrained = isDrained
        case .branched(let lot, let branch):
            guard !self.hasBranch(lot, of: branch.home, to: branch.unit) else { return }
            let branches = self.lots[lot]?.branches ?? []
            self.lots[lot]?.branches = branches + [branch]
        case .carried(let carries): for carry in carries { self.take(carry) }
        }
    }

    private mutating func take(_ carry: Carry) {
        var (from, to) = (self.lots[carry.from] ?? Lot(), self.lots[carry.to] ?? Lot())
        from.pool -= carry.quantity
        from.carried = (from.carried ?? 0) + carry.quantity
        to.issued += carry.quantity
        to.pool += carry.quantity
        to.origin = Carry(from: carry.from, to: carry.to, quantity: (to.origin?.quantity ?? 0) + carry.quantity)
        (self.lots[carry.from], self.lots[carry.to]) = (from, to)
    }

    /// Gives a book that was read from a snapshot the verdicts of its contests, which are stored beside it.
    ///
    /// - Returns: Whether every contest has all of its verdicts.
    package mutating func complete(_ verdicts: [LotID: [UnitID: VerdictList]]) -> Bool {
        for (id, lot) in self.lots {
            for (unit, told) in lot.contest?.verdicts ?? [:] where told.count > 0 {
                guard let stored = verdicts[id]?[unit], self.lots[id]?.contest?.complete(unit, with: stored) == true
                else { return false }
            }
        }
        return true
    }

    private mutating func keep(_ witness: LedgerHead?, of unit: UnitID, _ generation: Generation) {
        guard let witness, self.units[unit] != nil else { return }
        var kept = (self.units[unit]!.stranded ?? []).filter { $0.generation != generation }
        kept.append(Stranded(generation: generation, witness: witness))
        self.units[unit]!.stranded = Array(kept.suffix(Self.strandedLimit))
    }

    private mutating func allocate(_ id: LotID, _ batch: ContestBatch) {
        guard let contest = self.lots[id]?.contest else { return }
        let entrants = contest.entrants(of: batch)
        self.lots[id]?.contest?.apply(batch)
        for entrant in entrants {
            self.change(id, entrant.unit, entrant.generation) { lot, account in
                account.allocated += entrant.quantity
                lot.pool -= entrant.quantity
            }
        }
    }

    private mutating func change(
        _ id: LotID, _ unit: UnitID, _ generation: Generation, _ body: (inout Lot, inout Account) -> Void
    ) {
        var lot = self.lots[id] ?? Lot()
        var account = self.account(id, unit, generation)
        body(&lot, &account)
        if let index = lot.accounts.firstIndex(where: { $0.unit == unit && $0.generation == generation }) {
            lot.accounts[index] = account
        } else {
            lot.accounts.append(account)
        }
        self.lots[id] = lot
    }
}
