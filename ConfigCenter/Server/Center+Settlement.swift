import DaemonSupport
import TrancheAPI
import TrancheCore

// When a sale may be settled: only on fresh words of everybody who could have sold of it.

extension Center {
    func checkSettled(_ document: SaleDocument) async throws(Problem) {
        let config = await self.book.config
        let names = Dictionary(uniqueKeysWithValues: config.units.map { ($0.id, $0.name) })
        try await self.keeper.perform { (authority, _) throws(Problem) in
            let now = SystemClock.monotonic()
            for lot in document.sale.lots {
                for account in authority.book.lots[lot.id]?.accounts ?? [] {
                    let name = names[account.unit] ?? "unit \(account.unit)"
                    try Self.check(
                        account, of: lot.id, name, authority, applied: document.rollout.applied[name], document, now)
                }
            }
        }
    }

    private static func check(
        _ account: AuthorityBook.Account, of lot: LotID, _ name: String, _ authority: QuotaAuthority, applied: Int?,
        _ document: SaleDocument, _ now: Instant
    ) throws(Problem) {
        let generation = account.generation.rawValue
        func refuse(_ code: String, _ detail: String) -> Problem { Problem(status: 409, code: code, detail: detail) }
        let seen = authority.seen[account.unit]
        switch account.standing {
        case .stranded:
            throw refuse(
                "stranded",
                "\(name): \(account.outstanding) of lot \(lot) are stranded: settle them with `tranche quota settle --lot "
                    + "\(lot) --unit \(name) --generation \(generation)`, then repeat")
        case .settled:
            // A ledger that shows more sold than was settled: the books and the ledgers would not agree. A unit that was
            // stopped since says nothing more, and its word of then holds nothing up.
            let told = seen?.report.earlier.first { $0.lot == lot && $0.generation == account.generation }
            guard let seen, let told, told.live > account.outstanding,
                now.milliseconds(since: seen.at) <= QuotaAuthority.silenceMilliseconds
            else { return }
            throw refuse(
                "unsettled",
                "\(name): generation \(generation) of lot \(lot) was settled with \(account.outstanding) sold, its ledger "
                    + "shows \(told.live). \(told.live - account.outstanding) more were sold than the books have: find out with "
                    + "`tranche verify`, cancel or refund them, then drain and stop the unit, and "
                    + "repeat")
        case .active:
            // Nothing is out any more, so nothing of it can be held or sold.
            guard account.outstanding > 0 else { return }
            guard let seen, now.milliseconds(since: seen.at) <= QuotaAuthority.silenceMilliseconds else {
                throw refuse(
                    "not_reported",
                    "\(name) holds \(account.outstanding) of lot \(lot) and does not report: start it; if it is lost, declare "
                        + "that with POST /v1/units/\(account.unit)/strand and settle its quota")
            }
            guard applied ?? 0 >= document.version else {
                throw refuse(
                    "not_reported", "\(name) has not applied version \(document.version) yet: repeat in a moment")
            }
            guard let told = seen.report.lots.first(where: { $0.lot == lot }) else {
                throw refuse("not_reported", "\(name) says nothing of lot \(lot): repeat in a moment")
            }
            guard told.counters.live == told.paid else {
                throw refuse(
                    "unsettled",
                    "\(name): \(told.counters.live - told.paid) of lot \(lot) are still reserved; wait for their deadline"
                )
            }
        }
    }
}
