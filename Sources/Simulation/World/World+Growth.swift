import TrancheCore

/// A unit that is added to the sale. Its draws are its own: other worlds keep theirs.
struct Growth {
    let unit: UnitID
    let afterMicroseconds: Int
    var random: SeededRandom
    /// Homes that have heard of their branch, each with the first process that did.
    var told: [UnitID: UInt64] = [:]
    var opened: [LotID: Set<UnitID>] = [:]

    init(seed: UInt64, _ settings: World.Settings) {
        self.unit = UnitID(UInt16(settings.units))
        self.random = SeededRandom(seed: seed ^ 0x6772_6f77)
        self.afterMicroseconds = self.random.number(500_000...4_500_000)
    }
}

// A sale that gets one more unit while it runs.

extension World {
    /// The added unit is nobody's home.
    func home(_ unit: UnitID) -> UnitID { unit == self.growth?.unit ? UnitID(1) : unit }

    /// The operator's command, repeated until the log has it.
    func addUnit() {
        guard let unit = self.growth?.unit else { return }
        let lots = (1...self.settings.lots).map { LotID(UInt32($0)) }
        let homes = self.units.keys.filter { $0 != unit }
        let touched = self.withAuthority { authority, records in
            try? authority.branch(lots, from: homes, to: unit, into: &records)
        }
        guard let touched, let touched else { return self.schedule(.addUnit, afterMicroseconds: 300_000) }
        for home in touched { self.push(to: home) }
    }

    /// A buyer follows a referral, with the same order id.
    func follow(_ number: Int, to branch: UnitID) {
        self.mark("referred")
        self.buyers[number].unit = branch
        self.buyers[number].triesLeft += 1
        self.retry(number, afterMilliseconds: self.random.number(1...400))
    }

    /// A buyer who was referred asks the home again now and then: another gate, another tab, or a trick.
    func wander(_ number: Int) {
        guard self.growth != nil, self.buyers[number].unit != self.buyers[number].home,
            self.growth!.random.happens(permille: 250)
        else { return }
        self.mark("asked the home again")
        self.buyers[number].unit = self.buyers[number].home
    }

    func noteOrder(_ number: Int, at unit: UnitID) {
        self.buyers[number].orderedAt = unit
        guard let growth = self.growth else { return }
        let buyer = self.buyers[number]
        let isContended = self.units[known: unit].process?.machine.isContended(buyer.lot) == true
        if unit == growth.unit { self.mark(isContended ? "contested at a branch" : "bought at a branch") }
        let branch = Branch(home: unit, unit: growth.unit)
        if self.units[known: unit].process?.machine.book.branches[buyer.lot] != nil,
            HomeUnit.branch(of: buyer.id, among: [branch]) != nil
        {
            self.mark("kept by the home")
        }
    }

    /// Whether a home had the branch before: its ledger was set back since.
    func known(_ branch: Branch, _ lot: LotID) -> Bool {
        self.growth?.opened[lot, default: []].insert(branch.home).inserted == false
    }

    // MARK: the planted mistake

    /// What the ledger gets of its entries.
    func kept(_ entries: [LedgerEntry]) -> [LedgerEntry] {
        guard self.plant == .twoHomes else { return entries }
        return entries.filter { if case .branched = $0 { false } else { true } }
    }

    func told(_ reply: RegisterReply, to unit: UnitID, _ process: UnitProcess) -> RegisterReply {
        switch reply {
        case .accepted(let directives): .accepted(self.told(directives, to: unit, process))
        case .newGeneration(let directives): .newGeneration(self.told(directives, to: unit, process))
        default: reply
        }
    }

    func told(_ directives: QuotaDirectives, to unit: UnitID, _ process: UnitProcess) -> QuotaDirectives {
        guard self.plant == .twoHomes, directives.lots.contains(where: { $0.branches != nil }) else {
            return directives
        }
        guard let first = self.growth?.told[unit] else {
            self.growth?.told[unit] = process.session
            return directives
        }
        return first == process.session ? directives : directives.withoutBranches
    }
}

extension QuotaDirectives {
    fileprivate var withoutBranches: QuotaDirectives {
        QuotaDirectives(
            epoch: self.epoch, unit: self.unit, generation: self.generation,
            lots: self.lots.map {
                Lot(lot: $0.lot, granted: $0.granted, hint: $0.hint, elsewhere: $0.elsewhere, contest: $0.contest)
            }, coordinator: self.coordinator, witness: self.witness)
    }
}
