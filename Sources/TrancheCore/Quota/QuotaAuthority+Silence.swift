// Which units may be lost, for an act that must not meet a unit that lives.

extension QuotaAuthority {
    /// A unit that this center has not heard since it leads may still be looking for it, for this long.
    package static let findingMilliseconds: Int64 = 10_000

    /// Whether a unit has said nothing for so long that it may be lost.
    ///
    /// - Parameter leadingSince: When this center began to lead. Before, others heard the units.
    package func isSilent(_ unit: UnitID, leadingSince: Instant, now: Instant) -> Bool {
        guard let seen = self.seen[unit] else {
            return now.milliseconds(since: leadingSince) > Self.findingMilliseconds
        }
        return now.milliseconds(since: seen.at) > Self.silenceMilliseconds
    }

    /// Refuses an act on a unit that an operator believes to be lost, if it is not silent.
    package func checkSilent(_ unit: UnitID, leadingSince: Instant, now: Instant) throws(AuthorityError) {
        guard self.book.units[unit] != nil else { throw .unknownUnit(unit) }
        guard self.isSilent(unit, leadingSince: leadingSince, now: now) else { throw .reporting(unit) }
    }
}
