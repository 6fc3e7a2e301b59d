/// The loads of all units, in the center, by their last reports.
package struct UnitLoads: Sendable {
    /// A unit that is silent for longer is not counted: the line cannot rely on it.
    package static let silenceMilliseconds: Int64 = 3_000

    private var heard: [UnitID: (figures: LoadFigures, at: Instant)] = [:]

    package init() {}

    /// - Parameters:
    ///   - figures: `nil` from a unit of a version that does not measure.
    ///   - now: By a clock that never steps.
    package mutating func hear(_ unit: UnitID, _ figures: LoadFigures?, now: Instant) {
        guard self.heard[unit] != nil || self.heard.count < Limits.units else { return }
        let unmeasured = LoadFigures(
            capacityPerSecond: CapacityEstimate.priorPerSecond, waitingMilliseconds: 0, cpuPermille: 0)
        self.heard[unit] = (figures ?? unmeasured, now)
    }

    /// What these units can do together, and the signs of the middle one of them. A unit that is overloaded counts half:
    /// somebody may flood one unit, and the line of all regions must not stop for that. For the same reason no unit counts
    /// for more than four times the middle one.
    package func figures(of units: some Collection<UnitID>, now: Instant) -> LoadFigures {
        let present = units.compactMap { unit -> LoadFigures? in
            guard let one = self.heard[unit], now.milliseconds(since: one.at) <= Self.silenceMilliseconds else {
                return nil
            }
            return one.figures
        }
        let most = 4 * Self.middle(present.map(\.capacityPerSecond))
        return LoadFigures(
            capacityPerSecond: present.reduce(0) { sum, one in
                let capacity = min(one.capacityPerSecond, most)
                return sum + (present.count > 1 && one.isOverloaded ? capacity / 2 : capacity)
            },
            waitingMilliseconds: Self.middle(present.map(\.waitingMilliseconds)),
            cpuPermille: Self.middle(present.map(\.cpuPermille)))
    }

    /// Of an even number the lower one: of two units one alone does not slow the line.
    private static func middle(_ values: [Int]) -> Int {
        values.isEmpty ? 0 : values.sorted()[(values.count - 1) / 2]
    }
}
