package import TrancheCore

// How a picture is made: a function of what the center has at one moment.

extension ConsolePicture {
    /// What the center knows beside the authority.
    package struct Knowledge: Sendable {
        package let config: SaleConfig
        package let rollout: Rollout
        package let clocks: [UnitID: ClockDocument]
        package let loads: [UnitID: LoadFigures]
        package let alarms: [String]
        package let leadingSince: Instant
        /// - Parameter leadingSince: When the center began to lead, by the clock of the authority's reports.
        package init(
            config: SaleConfig, rollout: Rollout, clocks: [UnitID: ClockDocument] = [:],
            loads: [UnitID: LoadFigures] = [:], alarms: [String] = [], leadingSince: Instant
        ) {
            (self.config, self.rollout, self.leadingSince) = (config, rollout, leadingSince)
            (self.clocks, self.loads, self.alarms) = (clocks, loads, alarms)
        }
    }

    /// - Parameters:
    ///   - wall: For the phases of sales.
    ///   - now: By the clock of the authority's reports.
    package init(_ authority: QuotaAuthority, _ known: Knowledge, wall: Instant, now: Instant) {
        let config = known.config
        let sales = config.sales.enumerated().sorted {
            // Those that live first, and of these the newest.
            let (left, right) = ($0.element.state.rank, $1.element.state.rank)
            return left == right ? $0.offset > $1.offset : left < right
        }.map(\.element)
        var owners: [LotID: (sale: SaleConfig.Sale, lot: SaleConfig.Lot)] = [:]
        for sale in sales { for lot in sale.lots where owners[lot.id] == nil { owners[lot.id] = (sale, lot) } }
        let order = Self.order(of: authority, sales)
        var (lots, rows): ([Lot], Int) = ([], 0)
        for id in order {
            guard let state = authority.book.lots[id] else { continue }
            let lot = Lot(id, state, authority, owners[id]?.lot.name, sale: owners[id]?.sale, wall: wall, now: now)
            rows += max(1, lot.units.count)
            if rows > Self.rowsLimit, !lots.isEmpty { break }
            lots.append(lot)
        }
        let rollout = known.rollout
        self.init(
            at: wall, authority, coordinator: authority.leader?.url,
            config: Config(
                version: rollout.version, isUrgent: rollout.isUrgent, isStopped: rollout.isStopped,
                refusal: RolloutDocument(rollout, UnitNames(config)).refusal),
            sales: sales.prefix(Self.salesLimit).map { Sale($0, wall: wall) }, lots: lots,
            lotsLeftOut: order.count - lots.count, contradictions: Self.contradictions(authority),
            units: config.units.sorted { $0.id < $1.id }.map { Unit($0, authority, known, now: now) },
            stranded: Self.stranded(authority), alarms: known.alarms)
    }

    /// The lots of the sales in their order, and behind them those of no sale.
    private static func order(of authority: QuotaAuthority, _ sales: [SaleConfig.Sale]) -> [LotID] {
        let named = sales.flatMap { $0.lots.map(\.id) }.filter { authority.book.lots[$0] != nil }
        return named + Set(authority.book.lots.keys).subtracting(named).sorted(by: >)
    }

    private static func contradictions(_ authority: QuotaAuthority) -> [Contradiction] {
        let found = authority.book.lots.compactMap { (id, lot) -> Contradiction? in
            let difference = StockParts(id, lot, authority).difference(from: lot.issued)
            return difference == 0 ? nil : Contradiction(lot: id, difference: difference)
        }
        return Array(found.sorted { $0.lot < $1.lot }.prefix(Self.contradictionsLimit))
    }

    private static func stranded(_ authority: QuotaAuthority) -> [Stranded] {
        var found: [Stranded] = []
        for (id, lot) in authority.book.lots.sorted(by: { $0.key < $1.key }) {
            for account in lot.accounts {
                guard case .stranded(let reason) = account.status, found.count < Self.strandedLimit else { continue }
                let shown = authority.seen[account.unit]?.report.earlier.first {
                    $0.lot == id && $0.generation == account.generation
                }
                found.append(
                    Stranded(
                        lot: id, unit: account.unit, generation: account.generation, quantity: account.outstanding,
                        reason: reason, shown: shown?.live))
            }
        }
        return found
    }
}

extension SaleState {
    /// Sales that live come first.
    fileprivate var rank: Int {
        switch self {
        case .open, .paused, .warming: 0
        case .draft, .closed: 1
        case .settled: 2
        }
    }
}

extension ConsolePicture.Sale {
    fileprivate init(_ sale: SaleConfig.Sale, wall: Instant) {
        let (opens, closes) = (sale.startsAtMilliseconds, sale.endsAtMilliseconds)
        let phase: ConsolePicture.Phase =
            switch sale.state {
            case .draft: .draft
            case .warming: .warming
            case .open:
                Instant(milliseconds: closes) <= wall ? .over : Instant(milliseconds: opens) > wall ? .waiting : .open
            case .paused: .paused
            case .closed: .closed
            case .settled: .settled
            }
        self.init(
            id: sale.id, name: sale.name, phase: phase, steps: sale.state.steps.map(\.rawValue),
            opensAtMilliseconds: opens, closesAtMilliseconds: closes, lots: sale.lots.map(\.id))
    }
}

extension ConsolePicture.Lot {
    fileprivate init(
        _ id: LotID, _ state: AuthorityBook.Lot, _ authority: QuotaAuthority, _ name: String?,
        sale: SaleConfig.Sale?, wall: Instant, now: Instant
    ) {
        let parts = StockParts(id, state, authority)
        let rows = state.accounts.compactMap { account in
            authority.isCurrent(account)
                ? ConsolePicture.Row(
                    account, authority.told(id, account), StockParts(account, of: id, state, authority)) : nil
        }
        let isClosed =
            sale.map { $0.state.isOver(endsAt: Instant(milliseconds: $0.endsAtMilliseconds), now: wall) } ?? true
        let contest = state.contest.map { contest in
            let stock = authority.contestStock(id, isClosed: isClosed, now: now)
            return ConsolePicture.Contest(
                policy: contest.terms.policy.text, batches: contest.batches, decided: contest.passedCount,
                line: contest.line.count, frontierMicroseconds: contest.frontier.stamp.instant.microseconds,
                coming: stock.coming, mayReturn: stock.mayReturn)
        }
        self.init(
            id: id, name: name ?? "lot \(id)", sale: sale?.id, issued: state.issued, parts: parts,
            difference: parts.difference(from: state.issued), isFrozen: state.isFrozen, contest: contest,
            units: rows.sorted { $0.unit < $1.unit }, soldPerSecond: nil, secondsLeft: nil)
    }
}

extension ConsolePicture.Row {
    fileprivate init(_ account: AuthorityBook.Account, _ told: UnitReport.Lot?, _ parts: StockParts) {
        self.init(
            unit: account.unit, generation: account.generation, standing: account.status.text, parts: parts,
            sold: told?.counters.sold ?? 0, offered: told?.offered ?? 0, starved: told?.starved ?? 0,
            isPrimed: told?.isPrimed ?? false, isHeard: told != nil, soldPerSecond: nil, offeredPerSecond: nil)
    }
}

extension ConsolePicture.Unit {
    fileprivate init(
        _ unit: SaleConfig.Unit, _ authority: QuotaAuthority, _ known: ConsolePicture.Knowledge, now: Instant
    ) {
        let seen = authority.seen[unit.id]
        let state = authority.book.units[unit.id]
        self.init(
            id: unit.id, name: unit.name, region: unit.region, generation: state?.generation,
            isDrained: state?.isDrained ?? false, silentMilliseconds: seen.map { now.milliseconds(since: $0.at) },
            isSilent: authority.isSilent(unit.id, leadingSince: known.leadingSince, now: now),
            position: seen?.report.head.position, configVersion: known.rollout.applied[unit.id],
            lots: seen?.report.lots.count ?? 0, primed: seen?.report.lots.count(where: \.isPrimed) ?? 0,
            clock: known.clocks[unit.id], load: seen == nil ? nil : known.loads[unit.id])
    }
}

extension ContestPolicy {
    fileprivate var text: String {
        switch self {
        case .stamp: "stamp"
        case .bandLottery: "band-lottery"
        case .rounds: "rounds"
        case .arrival: "arrival"
        }
    }
}
