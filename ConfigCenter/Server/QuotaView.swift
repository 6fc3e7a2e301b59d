import TrancheAPI
import TrancheCore

// The quota for coordinators and operators.

extension QuotaState {
    /// - Parameters:
    ///   - wall: For the end of sales.
    ///   - now: By the clock of the authority's reports.
    init(_ authority: QuotaAuthority, _ config: SaleConfig, wall: Instant, now: Instant) {
        // Found once: a search for each lot would take the square of the lots.
        let terms = Dictionary(
            config.sales.flatMap { sale in sale.lots.map { ($0.id, (sale: sale, rules: $0)) } },
            uniquingKeysWith: { first, _ in first })
        let lots = authority.book.lots.sorted { $0.key < $1.key }.map { id, state in
            let units = state.accounts.sorted { ($0.unit, $0.generation) < ($1.unit, $1.generation) }.map { account in
                let seen = authority.seen[account.unit]
                let isCurrent = authority.book.units[account.unit]?.generation == account.generation
                let told = isCurrent ? seen?.told(id) : nil
                return Unit(
                    unit: account.unit, generation: account.generation, standing: account.status.text,
                    granted: account.granted, allocated: account.allocated,
                    returned: account.returned, available: isCurrent ? authority.available(id, account.unit) : 0,
                    live: told?.counters.live ?? 0, paid: told?.paid ?? 0, offered: told?.offered ?? 0,
                    starved: told?.starved ?? 0, silentMilliseconds: seen.map { now.milliseconds(since: $0.at) })
            }
            let (sale, rules) = terms[id].map { ($0.sale, $0.rules) } ?? (nil, nil)
            let isClosed = sale.map { $0.state.isOver(endsAt: Instant(milliseconds: $0.endsAtMilliseconds), now: wall) }
            return Lot(
                lot: id, issued: state.issued, pool: state.pool, stranded: authority.book.stranded(id),
                isFrozen: state.isFrozen,
                samples: authority.samples(id, now: now), units: units, contestStart: rules?.contestStart ?? .never,
                contestTerms: state.contest?.terms ?? rules?.contestTerms ?? ContestTerms(policy: .stamp, waitlist: 0),
                contest: state.contest.map { _ in authority.contestStock(id, isClosed: isClosed ?? false, now: now) },
                waitlisted: state.contest?.line.count)
        }
        self.init(
            epoch: authority.book.epoch, coordinatorEpoch: authority.book.coordinatorEpoch,
            coordinatorURL: authority.leader?.url, now: now, lots: lots,
            unitNames: Dictionary(uniqueKeysWithValues: config.units.map { ($0.id, $0.name) }))
    }
}

extension AuthorityBook.AccountStatus {
    var text: String {
        switch self {
        case .active: QuotaState.Unit.active
        case .stranded(let reason): QuotaState.Unit.stranded + reason
        case .settled: "settled"
        }
    }
}
