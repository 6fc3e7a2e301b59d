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

    /// What these units can do together, and the signs of the busiest of them: if buyers are not spread as capacities are,
    /// the unit that is full first slows the line.
    package func figures(of units: some Collection<UnitID>, now: Instant) -> LoadFigures {
        let present = units.compactMap { unit -> LoadFigures? in
            guard let one = self.heard[unit], now.milliseconds(since: one.at) <= Self.silenceMilliseconds else {
                return nil
            }
            return one.figures
        }
        return LoadFigures(
            capacityPerSecond: present.reduce(0) { $0 + $1.capacityPerSecond },
            waitingMilliseconds: present.map(\.waitingMilliseconds).max() ?? 0,
            cpuPermille: present.map(\.cpuPermille).max() ?? 0)
    }
}
