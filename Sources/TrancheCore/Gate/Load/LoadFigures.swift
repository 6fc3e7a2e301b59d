/// How busy the units of a lot are, or one unit, as it reports it. For a line, the signs are those of the middle unit, and
/// the capacity is the sum of all units, of which an overloaded one counts half (``UnitLoads``).
package struct LoadFigures: Hashable, Sendable, Codable {
    /// A processor that is used more than this is a sign of overload for the center, not for the process itself.
    package static let cpuLimitPermille = 850

    /// Requests for orders that the units can answer in a second, as measured; 0 if no unit sells.
    package let capacityPerSecond: Int
    /// How long requests waited before work on them began.
    package let waitingMilliseconds: Int
    package let cpuPermille: Int

    package init(capacityPerSecond: Int, waitingMilliseconds: Int, cpuPermille: Int) {
        self.capacityPerSecond = capacityPerSecond
        self.waitingMilliseconds = waitingMilliseconds
        self.cpuPermille = cpuPermille
    }

    /// Whether fewer should be let in.
    package var isOverloaded: Bool {
        self.waitingMilliseconds > AdmittedShare.waitingLimitMilliseconds || self.cpuPermille > Self.cpuLimitPermille
    }
}
