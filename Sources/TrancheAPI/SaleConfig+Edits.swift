package import TrancheCore

// The changes of operators to the configuration: creation, edits, steps, added stock.

extension SaleConfig.Sale {
    /// - Throws: ``Problem`` with code `invalid_config` if the new sale is not a draft.
    package func checkNew() throws(Problem) {
        guard self.state == .draft else {
            throw Problem.invalidConfig("a new sale must be a draft, but is \(self.state.rawValue)")
        }
    }

    /// A new sale, without the fields that only the center sets.
    package func created(tieKeyHash: String, drawHash: String) -> Self {
        var made = self
        (made.tieKeyHash, made.drawHash) = (tieKeyHash, drawHash)
        (made.tieKey, made.drawSeed, made.homes, made.planned) = (nil, nil, nil, nil)
        (made.blocked, made.revocationEpoch, made.branches) = (nil, nil, nil)
        (made.staged, made.rulesAlike, made.results) = (nil, nil, nil)
        for index in made.lots.indices { (made.lots[index].added, made.lots[index].carriedFrom) = (nil, nil) }
        return made
    }

    /// This sale with an operator's edits. After the draft, only names, times, limits of buyers and the rules of gates
    /// change. A lowered limit applies to later orders. The fields that only the center sets stay.
    package func edited(to sale: Self) throws(Problem) -> Self {
        guard sale.id == self.id, sale.state == self.state, sale.hasSameStock(as: self) || self.state.allows(.lots)
        else {
            throw Problem.invalidConfig(
                "after the draft only names, times, limits of buyers and the rules of gates can be edited, not the id, "
                    + "the state or the lots"
            )
        }
        var edited = sale
        (edited.tieKeyHash, edited.tieKey) = (self.tieKeyHash, self.tieKey)
        (edited.drawHash, edited.drawSeed) = (self.drawHash, self.drawSeed)
        (edited.homes, edited.planned) = (self.homes, self.planned)
        (edited.blocked, edited.revocationEpoch) = (self.blocked, self.revocationEpoch)
        edited.branches = self.branches
        // These have calls of their own.
        (edited.variants, edited.staged) = (self.variants, self.staged)
        (edited.rulesAlike, edited.results) = (self.rulesAlike, self.results)
        guard self.staged == nil || edited.hasSameRules(as: self) else { throw .rolloutUnderWay(self.id) }
        // Whoever edits may have read the sale before a step was held.
        edited.schedule?.held = self.schedule?.held
        for index in edited.lots.indices {
            let known = self.lots.first { $0.id == edited.lots[index].id }
            (edited.lots[index].added, edited.lots[index].carriedFrom) = (known?.added, known?.carriedFrom)
        }
        try self.checkCarriedLots(of: edited)
        return edited
    }

    /// This sale with a buyer blocked, or admitted again.
    ///
    /// - Throws: ``Problem`` `invalid_config` beyond ``Limits/blockedBuyers``.
    package func blocking(_ buyer: BuyerID, _ isBlocked: Bool) throws(Problem) -> Self {
        var sale = self
        var blocked = (self.blocked ?? []).filter { $0 != buyer }
        if isBlocked { blocked.append(buyer) }
        guard blocked.count <= Limits.blockedBuyers else {
            throw .invalidConfig(
                "sale \(self.id) has \(Limits.blockedBuyers) blocked buyers already, which is the limit: put them into a list "
                    + "of the gates")
        }
        sale.blocked = blocked.isEmpty ? nil : blocked
        return sale
    }

    /// This sale with one more unit; with the same ones if it has the unit already.
    package func adding(_ unit: UnitID) -> Self {
        var sale = self
        if sale.branches?.contains(unit) != true { sale.branches = (sale.branches ?? []) + [unit] }
        return sale
    }

    /// This sale with all tokens revoked that were made so far.
    ///
    /// - Throws: ``Problem`` `wrong_state` if no token of the sale can be used, `invalid_config` beyond
    ///   ``Limits/revocations``.
    package func revokingTokens() throws(Problem) -> Self {
        guard self.state.allows(.revocation) else {
            throw .wrongState(self, ": tokens are revoked from the warming up of a sale until it is closed")
        }
        let epoch = self.revocationEpoch ?? .first
        guard epoch.rawValue < Limits.revocations else {
            throw .invalidConfig(
                "sale \(self.id): its tokens were revoked \(Limits.revocations) times already, which is the limit: "
                    + "close the sale, or block buyers")
        }
        var sale = self
        sale.revocationEpoch = RevocationEpoch(epoch.rawValue + 1)
        return sale
    }

    /// The first grants of every lot among `units`, by lot and unit name, in the configuration's form.
    func plan(among units: [SaleConfig.Unit]) -> [String: [String: Int]] {
        let names = units.sorted { $0.id < $1.id }.map(\.name)
        let plans = self.lots.map { lot in
            let grants = QuotaPlan.grants(
                of: lot.stock, poolPermille: lot.poolPermille, weights: lot.weights, fixed: lot.fixed,
                start: lot.contestStart, among: names)
            return (lot.id.description, grants)
        }
        return Dictionary(uniqueKeysWithValues: plans)
    }
}

extension SaleConfig {
    /// Takes the sale at `index` to its next state, by a step that its present state allows.
    ///
    /// - Parameters:
    ///   - startsAtMilliseconds: A new start time, for the step `open`.
    ///   - secret: The secret of the tie keys, for the step `settle`.
    ///   - seed: The seed of the draws, for the step `close`: nobody enters a line any more.
    package mutating func take(
        _ step: SaleState.Step, to next: SaleState, at index: Int, startsAtMilliseconds: Int64?, secret: String?,
        seed: DrawSeed? = nil
    ) {
        self.sales[index].state = next
        switch step {
        case .warm: self.sales[index].planned = self.sales[index].plan(among: self.units)
        case .open:
            // Frozen at the first opening: a buyer's home must not move while the sale runs.
            if self.sales[index].homes == nil {
                self.sales[index].homes = HomeUnit.homes(self.units.map { ($0.region, $0.id) })
            }
            if let startsAtMilliseconds { self.sales[index].startsAtMilliseconds = startsAtMilliseconds }
        case .close: self.sales[index].drawSeed = seed?.text
        case .settle: self.sales[index].tieKey = secret
        case .pause, .resume: break
        }
    }

    /// Records how much of a lot was issued; the value never falls.
    package mutating func raise(_ lot: LotID, to issued: Int) {
        for sale in self.sales.indices {
            for index in self.sales[sale].lots.indices where self.sales[sale].lots[index].id == lot {
                let known = self.sales[sale].lots[index]
                self.sales[sale].lots[index].added = max(known.added ?? 0, issued - known.stock)
            }
        }
    }

    /// Adds a registered unit, or changes its name and address.
    package mutating func announce(_ unit: Unit) {
        if let index = self.units.firstIndex(where: { $0.id == unit.id }) {
            self.units[index] = unit
        } else {
            self.units.append(unit)
        }
    }

    /// The lots of a sale with their plan, as the core's rules read them.
    package func plannedLots(of sale: Sale) -> [PlannedLot] {
        sale.lots.map { lot in
            let planned = sale.planned?[lot.id.description] ?? [:]
            return PlannedLot(
                lot: lot.id, stock: lot.stock, start: lot.contestStart, terms: lot.contestTerms,
                parts: self.units.map { PlannedLot.Part(unit: $0.id, quantity: planned[$0.name] ?? 0) },
                isCarried: lot.carriedFrom != nil)
        }
    }

    /// Every sale, as the rule for the removal of units reads it.
    package var removalSales: [UnitRemoval.Sale] {
        self.sales.map { sale in
            UnitRemoval.Sale(
                id: sale.id, state: sale.state, lots: sale.lots.map(\.id),
                homes: Set(self.sellers(in: sale)))
        }
    }
}
