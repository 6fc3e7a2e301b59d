package import TrancheCore

package struct SaleDocument: Sendable, Codable {
    package let sale: SaleConfig.Sale
    package let version: Int
    package let readiness: Readiness
    package let rollout: RolloutDocument
    package let steps: [String]
    /// How the steps of its schedule stand; `nil` for a sale without one.
    package let schedule: ScheduleDocument?
    package init(
        sale: SaleConfig.Sale, version: Int, readiness: Readiness, rollout: RolloutDocument, steps: [String],
        schedule: ScheduleDocument? = nil
    ) {
        self.schedule = schedule
        self.sale = sale
        self.version = version
        self.readiness = readiness
        self.rollout = rollout
        self.steps = steps
    }
}

/// What is missing before a sale can open; empty if the sale is ready.
package struct Readiness: Sendable, Codable {
    package let isReady: Bool
    package let missing: [String]
    package init(missing: [String]) {
        self.missing = missing
        self.isReady = missing.isEmpty
    }
}

/// The rollout of a configuration version.
package struct RolloutDocument: Sendable, Codable {
    package let version: Int
    /// The version that each unit has applied, by unit name.
    package let applied: [String: Int]
    /// The unit that refused the version, and why. The rollout stopped there.
    package let refusal: String?
}

/// What a settled sale left unsold, and what became the stock of another one.
package struct SecondRoundDocument: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        /// The lot of the second round; `nil` if it has none.
        package let to: LotID?
        /// Unsold and not carried: in the pool.
        package let pool: Int
        /// Unsold and not carried: units hold it, by their last reports.
        package let unreturned: Int
        /// Carried into the second round so far.
        package let carried: Int
        package init(lot: LotID, to: LotID?, pool: Int, unreturned: Int, carried: Int) {
            (self.lot, self.to) = (lot, to)
            (self.pool, self.unreturned, self.carried) = (pool, unreturned, carried)
        }
    }
    package let sale: String
    package let to: String
    package let lots: [Lot]
    /// Why nothing would be carried now; `nil` if it would.
    package let refusal: String?
    package init(sale: String, to: String, lots: [Lot], refusal: String?) {
        (self.sale, self.to, self.lots, self.refusal) = (sale, to, lots, refusal)
    }
}

package struct UnitDocument: Sendable, Codable {
    package let id: UnitID
    package let name: String
    package let region: String
    package let publicURL: String
    package let internalURL: String
    package let generation: Generation?
    package let incarnation: Incarnation?
    package let isDrained: Bool
    package let configVersion: Int?
    package let silentMilliseconds: Int64?
    package let clock: ClockDocument?
    package init(
        unit: SaleConfig.Unit, generation: Generation?, incarnation: Incarnation?, isDrained: Bool, configVersion: Int?,
        silentMilliseconds: Int64?, clock: ClockDocument?
    ) {
        self.clock = clock
        self.id = unit.id
        self.name = unit.name
        self.region = unit.region
        self.publicURL = unit.publicURL
        self.internalURL = unit.internalURL
        self.generation = generation
        self.incarnation = incarnation
        self.isDrained = isDrained
        self.configVersion = configVersion
        self.silentMilliseconds = silentMilliseconds
    }
}

package struct ConfigVersionDocument: Sendable, Codable {
    package let version: Int
    package let checksum: String
    package let at: Instant
    package let actor: String
    package let note: String
    package init(version: Int, checksum: String, at: Instant, actor: String, note: String) {
        self.version = version
        self.checksum = checksum
        self.at = at
        self.actor = actor
        self.note = note
    }
}
