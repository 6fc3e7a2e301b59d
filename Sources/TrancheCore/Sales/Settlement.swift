/// When a sale may be settled: only with a recent report of every unit that could have sold of it.
package enum Settlement {
    package enum Refusal: Error, Hashable, Sendable {
        /// An operator has to settle what the unit held.
        case stranded(UnitID, LotID, Generation, quantity: Int)
        /// The unit's own ledger shows more than was settled for it.
        case undercounted(UnitID, LotID, Generation, settled: Int, shown: Int)
        /// The unit holds something and does not report.
        case silent(UnitID, LotID, held: Int)
        /// The unit may still sell: it has not applied the newest version, which contains the closing.
        case behind(UnitID, version: Int)
        /// The unit's report does not name the lot.
        case untold(UnitID, LotID)
        /// The unit has not taken all that contests gave to its orders: buyers may still pay for it.
        case allocating(UnitID, LotID, quantity: Int)
        /// Orders wait for their payment.
        case reserved(UnitID, LotID, quantity: Int)
    }

    /// Judges every account of every lot, those of earlier generations and of removed units included.
    ///
    /// - Parameters:
    ///   - rollout: Of the newest version, which every unit that holds something must have applied.
    ///   - now: By the clock of the authority's reports.
    package static func check(
        _ lots: [LotID], rollout: Rollout, _ authority: QuotaAuthority, now: Instant
    ) throws(Refusal) {
        for lot in lots {
            for account in authority.book.lots[lot]?.accounts ?? [] {
                let report = authority.fresh(account.unit, now: now)
                switch account.status {
                case .stranded:
                    throw .stranded(account.unit, lot, account.generation, quantity: account.outstanding)
                case .settled: try self.checkCount(account, of: lot, report)
                case .active: try self.checkActive(account, of: lot, report, rollout)
                }
            }
        }
    }

    /// Refuses if a ledger shows more sold than was settled: the books and the ledgers would not agree. The last report
    /// of a unit that has been stopped since then does not count.
    private static func checkCount(
        _ account: AuthorityBook.Account, of lot: LotID, _ report: UnitReport?
    ) throws(Refusal) {
        let told = report?.earlier.first { $0.lot == lot && $0.generation == account.generation }
        guard let told, told.live > account.outstanding else { return }
        throw .undercounted(
            account.unit, lot, account.generation, settled: account.outstanding, shown: told.live)
    }

    private static func checkActive(
        _ account: AuthorityBook.Account, of lot: LotID, _ report: UnitReport?, _ rollout: Rollout
    ) throws(Refusal) {
        // Nothing is outstanding, so the unit cannot hold or sell anything of the lot.
        guard account.outstanding > 0 else { return }
        let unit = account.unit
        guard let report else { throw .silent(unit, lot, held: account.outstanding) }
        guard rollout.applied[unit] ?? 0 >= rollout.version else { throw .behind(unit, version: rollout.version) }
        guard let told = report.lots.first(where: { $0.lot == lot }) else { throw .untold(unit, lot) }
        guard told.counters.allocated == account.allocated else {
            throw .allocating(unit, lot, quantity: account.allocated - told.counters.allocated)
        }
        guard told.counters.live == told.paid else {
            throw .reserved(unit, lot, quantity: told.counters.live - told.paid)
        }
    }
}
