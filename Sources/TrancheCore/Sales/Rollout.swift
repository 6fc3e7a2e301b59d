/// How far a version of the configuration has come, and whether it goes to further units.
///
/// An ordinary version goes from unit to unit, and stops at the first refusal: a mistake reaches one unit, and a newer
/// version replaces it. An urgent version stops at no refusal. Neither does a later version, until every unit has
/// applied the urgent version or a later one, or has refused it: a later version contains the same pause.
package struct Rollout: Hashable, Sendable {
    package struct Refusal: Hashable, Sendable {
        package let unit: UnitID
        package let reason: String
        package init(unit: UnitID, reason: String) { (self.unit, self.reason) = (unit, reason) }
    }
    package enum Heard: Hashable, Sendable {
        case noted
        /// The unit is not in the configuration.
        case unknown
        /// The unit has a version that this center has not made: the center's file was lost or set back.
        case ahead
    }

    package private(set) var version: Int
    /// The units of this version, in its order.
    package private(set) var units: [UnitID]
    /// The version that each unit has applied, by its last message. Units that were removed stay.
    package private(set) var applied: [UnitID: Int] = [:]
    /// The last refusal of this version.
    package private(set) var refusal: Refusal?
    /// The last version that was urgent by itself.
    private var urgentVersion: Int?
    /// Units that refused the last urgent version, or a later one.
    private var refusers: Set<UnitID> = []

    /// The state at a center's start: the version on its disk. What was urgent, and what units have applied or refused,
    /// is not known.
    package init(version: Int, units: [UnitID]) { (self.version, self.units) = (version, units) }

    /// A newer version replaces this one, its refusal included.
    package mutating func begin(_ version: Int, units: [UnitID], isUrgent: Bool) {
        precondition(version > self.version, "version \(version) after \(self.version)")
        (self.version, self.units, self.refusal) = (version, units, nil)
        if isUrgent { (self.urgentVersion, self.refusers) = (version, []) }
    }

    /// Notes the version that a unit reports as applied.
    package mutating func hear(_ unit: UnitID, applied version: Int) -> Heard {
        guard self.units.contains(unit) else { return .unknown }
        guard version <= self.version else { return .ahead }
        self.applied[unit] = version
        return .noted
    }

    /// Notes that a unit has applied a version that was pushed to it. Its report of a later one may have come before.
    package mutating func took(_ unit: UnitID, version: Int) {
        self.applied[unit] = max(self.applied[unit] ?? 0, version)
    }

    /// Notes that a unit refuses a version as not valid.
    package mutating func refused(_ refusal: Refusal, version: Int) {
        if let urgent = self.urgentVersion, version >= urgent { self.refusers.insert(refusal.unit) }
        if version == self.version { self.refusal = refusal }
    }

    /// Whether the present version goes to every unit at once, and no refusal stops it.
    package var isUrgent: Bool {
        guard let urgent = self.urgentVersion else { return false }
        if urgent == self.version { return true }
        return self.units.contains { self.applied[$0] ?? 0 < urgent && !self.refusers.contains($0) }
    }

    /// Whether the present version goes to no further unit.
    package var isStopped: Bool { self.refusal != nil && !self.isUrgent }

    /// Whether a unit that has `version` and asks for a newer one gets the present one.
    package func isOffered(after version: Int) -> Bool { self.version > version && !self.isStopped }
}
