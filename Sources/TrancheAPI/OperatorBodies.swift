package import TrancheCore

/// Opens a sale.
package struct OpenBody: Sendable, Codable {
    package let startsAtMilliseconds: Int64?
    package let force: Bool?
    package init(startsAtMilliseconds: Int64? = nil, force: Bool? = nil) {
        self.startsAtMilliseconds = startsAtMilliseconds
        self.force = force
    }
}

/// The times of a second round; it begins now, and takes as long as the first one, if they are not given.
package struct SecondRoundBody: Sendable, Codable {
    package let startsAtMilliseconds: Int64?
    package let endsAtMilliseconds: Int64?
    package init(startsAtMilliseconds: Int64? = nil, endsAtMilliseconds: Int64? = nil) {
        (self.startsAtMilliseconds, self.endsAtMilliseconds) = (startsAtMilliseconds, endsAtMilliseconds)
    }
}

/// Restores an earlier version of the configuration.
package struct RollbackBody: Sendable, Codable {
    package let version: Int
    package init(version: Int) { self.version = version }
}

/// Adds stock to a lot.
package struct StockBody: Sendable, Codable {
    package let add: Int
    package init(add: Int) { self.add = add }
}

/// Moves quota from one unit to another.
package struct MoveBody: Sendable, Codable {
    package let lot: LotID
    package let from: UnitID
    package let to: UnitID
    package let quantity: Int
    package init(lot: LotID, from: UnitID, to: UnitID, quantity: Int) {
        self.lot = lot
        self.from = from
        self.to = to
        self.quantity = quantity
    }
}

/// Says more about an act on a unit.
package struct UnitBody: Sendable, Codable {
    /// To strand a unit only if it is silent: it may have come back since the caller looked.
    package let onlySilent: Bool?
    package init(onlySilent: Bool? = nil) { self.onlySilent = onlySilent }
}

/// States how much a stranded account sold.
package struct SettleBody: Sendable, Codable {
    package let lot: LotID
    package let unit: UnitID
    package let generation: Generation
    package let sold: Int
    package init(lot: LotID, unit: UnitID, generation: Generation, sold: Int) {
        self.lot = lot
        self.unit = unit
        self.generation = generation
        self.sold = sold
    }
}

/// Stops the rebalancing of a lot, or resumes it.
package struct FreezeBody: Sendable, Codable {
    package let frozen: Bool
    package init(frozen: Bool) { self.frozen = frozen }
}
