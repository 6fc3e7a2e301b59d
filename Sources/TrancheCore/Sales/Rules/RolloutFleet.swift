extension StagedRollout {
    /// The units of a sale, as far as a rollout must know them.
    package struct Fleet: Hashable, Sendable {
        package let regions: [UnitID: String]
        package let pilot: UnitID
        package init(regions: [UnitID: String], pilot: UnitID) { (self.regions, self.pilot) = (regions, pilot) }

        /// Whether a unit has the new rules.
        package func reaches(_ unit: UnitID, in stage: Stage) -> Bool {
            switch stage {
            case .unit: unit == self.pilot
            case .region: unit == self.pilot || self.regions[unit] == self.regions[self.pilot]
            case .all: true
            }
        }

        /// Whether the gates of a region have the new rules. A gate serves the buyers of all units of its region.
        package func reaches(gatesOf region: String, in stage: Stage) -> Bool {
            switch stage {
            case .unit: region == self.regions[self.pilot] && self.isAlone
            case .region: region == self.regions[self.pilot]
            case .all: true
            }
        }

        /// Whether the pilot is the only unit of its region.
        private var isAlone: Bool { self.regions.count { $0.value == self.regions[self.pilot] } == 1 }

        /// The stage after another one that reaches more units; `nil` if none does.
        package func stage(after stage: Stage) -> Stage? {
            let isWhole = self.regions.values.allSatisfy { $0 == self.regions[self.pilot] }
            switch stage {
            case .unit: return self.isAlone ? (isWhole ? nil : .all) : .region
            case .region: return isWhole ? nil : .all
            case .all: return nil
            }
        }

        /// - Parameter touchesUnits: Whether the new rules change anything for units. Otherwise one unit of several
        ///   in a region would be no stage: nobody would meet the new rules.
        package func first(touchesUnits: Bool) -> Stage { touchesUnits || self.isAlone ? .unit : .region }
    }
}
