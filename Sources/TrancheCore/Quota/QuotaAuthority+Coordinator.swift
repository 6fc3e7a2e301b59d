// The authority's state for a coordinator, and its handling of a coordinator's commands.

extension QuotaAuthority {
    /// Every unit's part of a lot, in order of the unit.
    package func samples(_ lot: LotID, now: Instant) -> [Rebalancer.Sample] {
        self.book.units.keys.sorted().compactMap { unit in
            guard let seen = self.seen[unit], let holder = self.book.units[unit],
                let told = seen.told(lot)
            else { return nil }
            let isActive = self.book.account(lot, unit, holder.generation).status == .active
            return Rebalancer.Sample(
                unit: unit, available: max(0, self.available(lot, unit)), offered: told.offered, starved: told.starved,
                heardAt: seen.at,
                isLive: isActive && !holder.isDrained && now.milliseconds(since: seen.at) <= Self.silenceMilliseconds)
        }
    }

    /// Carries out a coordinator's decisions, unless a newer coordinator leads.
    ///
    /// - Returns: The units whose directives changed: push these at once.
    package mutating func carryOut(
        _ decisions: [Rebalancer.Decision], by epoch: Epoch, into records: inout [AuthorityRecord]
    ) -> Result<[UnitID], AuthorityError> {
        do throws(AuthorityError) { try self.check(coordinator: epoch) } catch { return .failure(error) }
        var touched: Set<UnitID> = []
        for decision in decisions {
            switch decision {
            case .grant(let lot, let unit, let quantity):
                guard self.book.lots[lot]?.isFrozen == false else { continue }
                if let granted = try? self.grant(lot, to: unit, quantity: quantity, into: &records), granted > 0 {
                    touched.insert(unit)
                }
            case .reclaim(let lot, let unit, let keep):
                guard self.book.lots[lot]?.isFrozen == false else { continue }
                if (try? self.reclaim(lot, from: unit, keep: keep)) != nil { touched.insert(unit) }
            case .contend(let lot, let terms):
                guard self.book.lots[lot]?.isFrozen == false else { continue }
                if (try? self.contend(lot, terms, into: &records)) == true { touched.formUnion(self.book.units.keys) }
            }
        }
        return .success(touched.sorted())
    }
}
