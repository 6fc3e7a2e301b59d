/// What is missing before a sale can open. Every unit must report, have the newest rules, hold what was planned for it,
/// and have the lots in its Redis.
package struct SaleReadiness: Hashable, Sendable {
    package enum Missing: Hashable, Sendable {
        case rolloutStopped(version: Int, Rollout.Refusal)
        /// No unit has registered.
        case units
        /// The unit does not report. What else it lacks is not known.
        case report(UnitID)
        /// The unit has not applied this version.
        case version(UnitID, Int)
        case quota(UnitID, LotID, held: Int, planned: Int, isDrained: Bool)
        /// The unit's Redis does not have the lot.
        case priming(UnitID, LotID)
        /// The unit would get nothing of what is planned for it.
        case drained(UnitID, LotID, planned: Int)
    }
    /// In order of the configuration's units, and of the sale's lots.
    package let missing: [Missing]
    package var isReady: Bool { self.missing.isEmpty }

    /// - Parameters:
    ///   - rollout: Of the newest version: its units are those that the sale waits for.
    ///   - now: By the clock of the authority's reports.
    package init(_ lots: [PlannedLot], rollout: Rollout, _ authority: QuotaAuthority, now: Instant) {
        var missing: [Missing] = []
        if let refusal = rollout.refusal {
            missing.append(.rolloutStopped(version: rollout.version, refusal))
        }
        if rollout.units.isEmpty { missing.append(.units) }
        for unit in rollout.units {
            guard let report = authority.fresh(unit, now: now) else {
                missing.append(.report(unit))
                continue
            }
            if rollout.applied[unit] ?? 0 < rollout.version { missing.append(.version(unit, rollout.version)) }
            for lot in lots {
                missing += Self.missing(lot, report, isDrained: authority.book.units[unit]?.isDrained == true)
            }
        }
        self.missing = missing
    }

    /// What would be missing if the sale warmed up now: a dry run. What nobody has before the warming up, quota and lots in
    /// Redis, is not missed.
    ///
    /// - Parameter lots: As they would be planned now.
    package init(
        beforeWarming lots: [PlannedLot], rollout: Rollout, _ authority: QuotaAuthority, now: Instant
    ) {
        var missing = Self([], rollout: rollout, authority, now: now).missing
        for unit in rollout.units where authority.book.units[unit]?.isDrained == true {
            for lot in lots where lot.quantity(of: unit) > 0 {
                missing.append(.drained(unit, lot.lot, planned: lot.quantity(of: unit)))
            }
        }
        self.missing = missing
    }

    /// A lot of a sale without stock in the log. Such a sale is never opened, whoever forces it: nothing could be granted.
    package static func unissued(_ lots: [LotID], _ authority: QuotaAuthority) -> LotID? {
        lots.first { authority.book.lots[$0] == nil }
    }

    private static func missing(_ lot: PlannedLot, _ report: UnitReport, isDrained: Bool) -> [Missing] {
        var missing: [Missing] = []
        let told = report.lots.first { $0.lot == lot.lot }
        let (held, planned) = (told?.counters.granted ?? 0, lot.quantity(of: report.unit))
        if held < planned {
            missing.append(.quota(report.unit, lot.lot, held: held, planned: planned, isDrained: isDrained))
        }
        if told?.isPrimed != true { missing.append(.priming(report.unit, lot.lot)) }
        return missing
    }
}
