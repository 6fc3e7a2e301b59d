/// When a unit may be added to a sale that runs, and which homes then refer new buyers to it.
package enum UnitAddition {
    /// Why the unit is not added.
    package enum Refusal: Error, Hashable, Sendable {
        /// Before the opening every registered unit is a home anyway, and nobody buys after the end.
        case wrongState(SaleState)
        /// The sale opened with it.
        case isHome
        /// Buyers of a region without units are spread over all regions: none of them could refer.
        case noHomes(region: String)
        case silent
        case drained
        case tooMany(limit: Int)
    }
    package struct Unit: Hashable, Sendable {
        package let id: UnitID
        package let region: String
        package init(_ id: UnitID, region: String) { (self.id, self.region) = (id, region) }
    }

    /// - Parameters:
    ///   - homes: The units that the sale opened with, by region.
    ///   - added: Those that were added since, in order. Adding one of them again is allowed and changes nothing.
    ///   - now: By the clock of the authority's reports.
    /// - Returns: The homes of its region, and the units that were added there before it.
    package static func check(
        _ unit: Unit, state: SaleState, homes: [String: [UnitID]], added: [Unit], _ authority: QuotaAuthority,
        now: Instant
    ) throws(Refusal) -> [UnitID] {
        guard state.allows(.moreUnits) else { throw .wrongState(state) }
        guard !homes.values.contains(where: { $0.contains(unit.id) }) else { throw .isHome }
        guard let first = homes[unit.region], !first.isEmpty else { throw .noHomes(region: unit.region) }
        let earlier = added.prefix { $0.id != unit.id }.filter { $0.region == unit.region }.map(\.id)
        if added.contains(where: { $0.id == unit.id }) { return first + earlier }
        guard added.count < Limits.branches else { throw .tooMany(limit: Limits.branches) }
        guard authority.fresh(unit.id, now: now) != nil else { throw .silent }
        guard authority.book.units[unit.id]?.isDrained != true else { throw .drained }
        return first + earlier
    }
}
