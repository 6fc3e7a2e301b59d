import TrancheCore

extension SaleConfig {
    /// This configuration with the rules of an older one: times, windows, limits of buyers, and the rules of gates.
    ///
    /// States of sales, homes, added units, first grants, stock, secrets and units stay as they are now. Otherwise a buyer whose
    /// home moved could buy twice, and a closed sale would open again. Schedules stay, too, and with them the times of their
    /// sales: a rollback begins no steps, and releases none. A sale that the older one does not have keeps its rules.
    package func withRules(of older: SaleConfig) -> SaleConfig {
        var next = self
        for index in next.sales.indices {
            guard let old = older.sales.first(where: { $0.id == next.sales[index].id }) else { continue }
            next.sales[index].takeRules(of: old)
        }
        return next
    }
}

extension SaleConfig.Sale {
    fileprivate mutating func takeRules(of old: Self) {
        self.name = old.name
        if self.schedule == nil || self.state == .settled { self.takeTimes(of: old) }
        self.gate = old.gate
        // New rules that are on their way are newer than the older version: they end.
        self.staged = nil
        if self.state.allows(.lots) || Self.lines(self.variants ?? []) == Self.lines(old.variants ?? []) {
            self.variants = old.variants
        }
        // Of a second round there are items already, also in a draft.
        if self.state.allows(.lots), !self.isSecondRound {
            self.lots = old.lots
            return
        }
        for index in self.lots.indices {
            guard let lot = old.lots.first(where: { $0.id == self.lots[index].id }) else { continue }
            self.lots[index].perBuyerLimit = lot.perBuyerLimit
            self.lots[index].claimWindowMilliseconds = lot.claimWindowMilliseconds
        }
    }

    /// Not of a sale whose schedule has steps left: they follow from the times. An older end may have passed, and the sale
    /// would be closed for good.
    private mutating func takeTimes(of old: Self) {
        if self.state.allows(.formerOpening) { self.startsAtMilliseconds = old.startsAtMilliseconds }
        self.endsAtMilliseconds = old.endsAtMilliseconds
        self.paymentWindowMilliseconds = old.paymentWindowMilliseconds
    }

    /// Whether the lots are equal except for the limits of buyers and their windows.
    package func hasSameStock(as other: Self) -> Bool {
        func plain(_ lots: [SaleConfig.Lot]) -> [SaleConfig.Lot] {
            lots.map { lot in
                var lot = lot
                (lot.perBuyerLimit, lot.added, lot.carriedFrom) = (1, nil, nil)
                lot.claimWindowMilliseconds = nil
                return lot
            }
        }
        return plain(self.lots) == plain(other.lots)
    }

    /// Whether limits of buyers and rules of gates are equal, except for the switches: an operator may need these at any
    /// time.
    package func hasSameRules(as other: Self) -> Bool {
        func plain(_ sale: Self) -> [Int] { sale.lots.map(\.perBuyerLimit) }
        return plain(self) == plain(other)
            && self.gate?.withoutSwitches ?? .init() == other.gate?.withoutSwitches ?? .init()
    }

    /// Whether a limit of buyers is lower than in `other`.
    package func lowersLimits(of other: Self) -> Bool {
        self.lots.contains { lot in
            other.lots.contains { $0.id == lot.id && $0.perBuyerLimit > lot.perBuyerLimit }
        }
    }

    /// Whether work is switched off, or on again, that `other` did or did not do: an operator does that when there is too
    /// much of it.
    package func turnsSwitches(of other: Self) -> Bool {
        let (mine, others) = (self.gateTerms.switches, other.gateTerms.switches)
        return mine.hasEvents != others.hasEvents || mine.hasEstimates != others.hasEstimates
            || mine.isHarder != others.isHarder
    }
}
