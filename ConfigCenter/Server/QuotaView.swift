import TrancheAPI
import TrancheCore

// The quota for operators, and for the leading coordinator.

extension QuotaState {
    /// - Parameters:
    ///   - wall: For the end of sales.
    ///   - now: By the clock of the authority's reports.
    init(_ authority: QuotaAuthority, _ config: SaleConfig, wall: Instant, now: Instant) {
        let terms = LotTerms(config, wall: wall)
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
            return Lot(
                lot: id, issued: state.issued, pool: state.pool, stranded: authority.book.stranded(id),
                isFrozen: state.isFrozen, units: units,
                contest: state.contest.map { _ in
                    authority.contestStock(id, isClosed: terms.closed.contains(id), now: now)
                },
                waitlisted: state.contest?.line.count, carried: state.carried)
        }
        self.init(
            epoch: authority.book.epoch, coordinatorEpoch: authority.book.coordinatorEpoch,
            coordinatorURL: authority.leader?.url, now: now, lots: lots,
            unitNames: Dictionary(uniqueKeysWithValues: config.units.map { ($0.id, $0.name) }))
    }
}

extension LeaderQuota {
    /// All lots of this moment, for a coordinator.
    static func lots(
        _ authority: QuotaAuthority, _ config: SaleConfig, wall: Instant, now: Instant
    ) -> [LotID: Lot] {
        let terms = LotTerms(config, wall: wall)
        // Units do not have a draft, although the items of a second round are there: nothing is decided about it.
        let lots = authority.book.lots.filter { !terms.drafts.contains($0.key) }.map { id, state in
            let rules = terms.rules[id]
            let units = state.accounts.filter { authority.book.units[$0.unit]?.generation == $0.generation }.map(\.unit)
            return Lot(
                lot: id, issued: state.issued, pool: state.pool, isFrozen: state.isFrozen,
                available: units.map { authority.available(id, $0) }, samples: authority.samples(id, now: now),
                contestStart: rules?.contestStart ?? .never,
                contestTerms: state.contest?.terms ?? rules?.contestTerms ?? ContestTerms(policy: .stamp, waitlist: 0),
                contest: state.contest.map { _ in
                    authority.contestStock(id, isClosed: terms.closed.contains(id), now: now)
                })
        }
        return Dictionary(uniqueKeysWithValues: lots.map { ($0.lot, $0) })
    }
}

/// What the configuration says of each lot, found once: a search for each lot would take the square of the lots.
private struct LotTerms {
    private(set) var rules: [LotID: SaleConfig.Lot] = [:]
    /// Lots of sales that are over.
    private(set) var closed: Set<LotID> = []
    private(set) var drafts: Set<LotID> = []

    init(_ config: SaleConfig, wall: Instant) {
        for sale in config.sales {
            let isOver = sale.state.isOver(endsAt: Instant(milliseconds: sale.endsAtMilliseconds), now: wall)
            for lot in sale.lots where self.rules[lot.id] == nil {
                self.rules[lot.id] = lot
                if isOver { self.closed.insert(lot.id) }
                if sale.state == .draft { self.drafts.insert(lot.id) }
            }
        }
    }
}
