import DaemonSupport
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

/// What the config center does for its callers: sales, quota, units.
struct Center: Sendable {
    let keeper: AuthorityKeeper
    let book: ConfigBook
    let pusher: Pusher
    /// What units said of their clocks last.
    private let clocks = NIOLockedValueBox<[UnitID: ClockDocument]>([:])
    /// The configuration that each unit said it has applied, as the book has heard.
    private let versions = NIOLockedValueBox<[UnitID: Int]>([:])

    init(keeper: AuthorityKeeper, book: ConfigBook, pusher: Pusher) {
        self.keeper = keeper
        self.book = book
        self.pusher = pusher
    }

    // MARK: configuration and sales

    /// Makes a new version and pushes it, without waiting for the units.
    @discardableResult
    func change(
        expected: Int?, actor: String, note: String, act: OperatorAct? = nil, isUrgent: Bool = false,
        _ body: @Sendable (inout SaleConfig) throws(Problem) -> Void
    ) async throws(Problem) -> ConfigPush {
        let before = await self.book.push.version
        let push = try await self.book.change(
            expected: expected, actor: actor, note: note, act: act, isUrgent: isUrgent, body)
        if push.version != before {
            let (units, goesToAll) = (await self.book.config.units, await self.book.isUrgent)
            Task { await self.pusher.push(push, to: units, isUrgent: goesToAll, self.book) }
        }
        return push
    }

    func sale(_ id: String) async throws(Problem) -> SaleDocument {
        let config = await self.book.config
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw Self.unknownSale(id) }
        let readiness = try await self.readiness(of: sale, config)
        return SaleDocument(
            sale: sale, version: await self.book.push.version, readiness: readiness, rollout: await self.book.rollout,
            steps: sale.state.steps.map(\.rawValue))
    }

    static func unknownSale(_ id: String) -> Problem {
        Problem(status: 404, code: "unknown_sale", detail: "there is no sale \"\(id.prefix(64))\"")
    }

    /// What is missing before the sale can open.
    private func readiness(of sale: SaleConfig.Sale, _ config: SaleConfig) async throws(Problem) -> Readiness {
        let version = await self.book.push.version
        let applied = await self.book.rollout.applied
        let refusal = await self.book.rollout.refusal
        return try await self.keeper.perform { authority, _ in
            var missing: [String] = []
            if let refusal { missing.append("the rollout of version \(version) was stopped: \(refusal)") }
            if config.units.isEmpty { missing.append("no unit has registered") }
            let now = SystemClock.monotonic()
            for unit in config.units {
                guard let seen = authority.seen[unit.id],
                    now.milliseconds(since: seen.at) <= QuotaAuthority.silenceMilliseconds
                else {
                    missing.append("\(unit.name) does not report")
                    continue
                }
                if applied[unit.name] ?? 0 < version {
                    missing.append("\(unit.name) has not applied version \(version)")
                }
                for lot in sale.lots {
                    let planned = Self.planned(lot, sale, unit)
                    let report = seen.report.lots.first { $0.lot == lot.id }
                    if (report?.counters.granted ?? 0) < planned {
                        let isDrained = authority.book.units[unit.id]?.isDrained == true
                        missing.append(
                            "\(unit.name) holds \(report?.counters.granted ?? 0) of \(planned) of lot \(lot.id)"
                                + (isDrained ? ", because it is drained: `tranche unit drain \(unit.name) --off`" : ""))
                    }
                    if report?.isPrimed != true { missing.append("\(unit.name) has lot \(lot.id) not in Redis") }
                }
            }
            return Readiness(missing: missing)
        }
    }

    /// The grants of a lot's quota plan over the units that are there now, by name.
    private static func plan(_ lot: SaleConfig.Lot, _ config: SaleConfig) -> [String: Int] {
        if lot.contestStart == .fromTheStart { return [:] }  // All of it stays in the pool, for the contest.
        if let fixed = lot.fixed { return fixed }
        let units = config.units.sorted { $0.id < $1.id }
        let weights = units.map { lot.weights == nil ? 1 : lot.weights![$0.name] ?? 0 }
        let grants = QuotaPlan.split(total: lot.stock, poolPermille: lot.poolPermille, weights: weights)
        return Dictionary(uniqueKeysWithValues: zip(units.map(\.name), grants))
    }

    /// What a unit is to hold of a lot before the sale opens.
    private static func planned(_ lot: SaleConfig.Lot, _ sale: SaleConfig.Sale, _ unit: SaleConfig.Unit) -> Int {
        sale.planned?[lot.id.description]?[unit.name] ?? 0
    }

    /// Takes a step in a sale's life.
    func step(
        _ step: SaleState.Step, sale id: String, expected: Int, actor: String, act: OperatorAct?, _ options: OpenBody
    ) async throws(Problem) -> SaleDocument {
        let document = try await self.sale(id)
        if let act, try self.keeper.isDone(act) {
            // The first request may have ended before the stock was issued.
            if step == .warm, document.sale.state == .warming { try await self.warm(document.sale) }
            return document
        }
        guard let next = document.sale.state.after(step) else {
            let allowed = document.steps.isEmpty ? "none" : document.steps.joined(separator: ", ")
            throw Problem(
                status: 409, code: "wrong_state",
                detail: "sale \(id) is \(document.sale.state.rawValue); possible now: \(allowed)")
        }
        if step == .open, options.force != true, !document.readiness.isReady {
            throw Problem(
                status: 409, code: "not_ready", detail: document.readiness.missing.prefix(10).joined(separator: "; "))
        }
        if step == .settle { try await self.checkSettled(document) }
        let secret = step == .settle ? try self.secret(of: document.sale) : nil
        try await self.change(
            expected: expected, actor: actor, note: "\(step.rawValue) \(id)", act: act,
            isUrgent: step == .pause || step == .close
        ) { (config) throws(Problem) in
            guard let place = config.sales.firstIndex(where: { $0.id == id }) else { throw Self.unknownSale(id) }
            config.sales[place].state = next
            if step == .warm {
                let plans = config.sales[place].lots.map { ($0.id.description, Self.plan($0, config)) }
                config.sales[place].planned = Dictionary(uniqueKeysWithValues: plans)
            }
            // Frozen at the first opening: a buyer's home must not move while the sale runs.
            if step == .open, config.sales[place].homes == nil {
                config.sales[place].homes = Dictionary(grouping: config.units, by: \.region).mapValues { units in
                    units.map(\.id).sorted()
                }
            }
            if step == .settle { config.sales[place].tieKey = secret }
            if step == .open, let startsAt = options.startsAtMilliseconds {
                config.sales[place].startsAtMilliseconds = startsAt
            }
        }
        if step == .warm { try await self.warm(document.sale) }
        return try await self.sale(id)
    }

    /// Issues the stock of a sale that warms up, once, and grants what was planned.
    private func warm(_ sale: SaleConfig.Sale) async throws(Problem) {
        try await self.keeper.perform { (authority, records) throws(Problem) in
            do throws(AuthorityError) { try Self.issue(sale, authority: &authority, &records) } catch {
                throw Problem(error)
            }
        }
        await self.grantPlans()
    }

    /// Issues the lots of a sale that the log does not have.
    private static func issue(
        _ sale: SaleConfig.Sale, authority: inout QuotaAuthority, _ records: inout [AuthorityRecord]
    ) throws(AuthorityError) {
        for lot in sale.lots where authority.book.lots[lot.id] == nil {
            try authority.issue(lot.id, quantity: lot.stock, into: &records)
            if lot.contestStart == .fromTheStart {
                _ = try authority.contend(lot.id, lot.contestTerms, into: &records)
            }
        }
    }

    /// Issues and grants what warming sales still lack, after a center that ended half-way too. Safe to repeat: it counts
    /// what was issued and granted before.
    func grantPlans() async {
        let config = await self.book.config
        let warming = config.sales.filter { $0.state == .warming }
        guard !warming.isEmpty else { return }
        let touched = try? await self.keeper.perform { authority, records in
            var touched: Set<UnitID> = []
            for sale in warming {
                // Refused only if the configuration was: its check has the same limits.
                try? Self.issue(sale, authority: &authority, &records)
                for (lot, unit) in sale.lots.flatMap({ lot in config.units.map { (lot, $0) } }) {
                    guard let generation = authority.book.units[unit.id]?.generation else { continue }
                    let held = authority.book.account(lot.id, unit.id, generation).granted
                    let missing = Self.planned(lot, sale, unit) - held
                    guard missing > 0,
                        let granted = try? authority.grant(lot.id, to: unit.id, quantity: missing, into: &records)
                    else { continue }
                    if granted > 0 { touched.insert(unit.id) }
                }
            }
            return touched
        }
        await self.tell(touched ?? [])
    }

    // MARK: units and quota

    func register(_ envelope: RegisterEnvelope) async throws(Problem) -> RegisterReply {
        let unit = SaleConfig.Unit(
            id: envelope.request.unit, name: envelope.name, region: envelope.region, publicURL: envelope.publicURL,
            internalURL: envelope.internalURL)
        let reply = try await self.keeper.perform {
            $0.register(envelope.request, now: SystemClock.monotonic(), into: &$1)
        }
        switch reply {
        // Only who is accepted is announced to the others.
        case .proofRequired, .superseded, .occupied, .centerIsBehind: return reply
        case .accepted, .newGeneration: break
        }
        try await self.change(expected: nil, actor: unit.name, note: "unit \(unit.name) announced itself") { config in
            if let place = config.units.firstIndex(where: { $0.id == unit.id }) {
                config.units[place] = unit
            } else {
                config.units.append(unit)
            }
        }
        return reply
    }

    func report(_ envelope: ReportEnvelope) async throws(Problem) -> ReportReply {
        let (unit, version) = (envelope.report.unit, envelope.configVersion)
        self.clocks.withLockedValue { $0[unit] = envelope.clock }
        // The book is another executor: a hop for each report, to hear nothing new, would cost more than the rest.
        if self.versions.withLockedValue({ $0[unit] != version }) {
            switch await self.book.heard(from: unit, version: version) {
            case .noted: self.versions.withLockedValue { $0[unit] = version }
            case .unknown: break
            case .ahead: return .centerIsBehind
            }
        }
        return try await self.keeper.perform { $0.report(envelope.report, now: SystemClock.monotonic(), into: &$1) }
    }

    func carryOut(_ commands: QuotaCommands) async throws(Problem) {
        let result = try await self.keeper.perform { $0.carryOut(commands.decisions, by: commands.epoch, into: &$1) }
        switch result {
        case .success(let touched): await self.tell(touched)
        case .failure(let error): throw Problem(error)
        }
    }

    /// Runs an operator's command on the authority, and tells the units that it concerns.
    ///
    /// - Returns: `nil` if the act was done before.
    @discardableResult
    func command<Value: Sendable>(
        actor: String, action: String, detail: String, key: String?, tell units: [UnitID],
        _ body: @escaping @Sendable (inout QuotaAuthority, inout [AuthorityRecord]) throws(AuthorityError) -> Value
    ) async throws(Problem) -> Value? {
        let act = key.map { OperatorAct(key: $0, what: "\(action): \(detail)") }
        let done = try await self.keeper.perform(act) { (authority, records) throws(Problem) in
            do throws(AuthorityError) { return try body(&authority, &records) } catch { throw Problem(error) }
        }
        guard let value = done else { return nil }
        try? self.keeper.store.audit(
            actor: actor, action: action, detail: detail, at: SystemClock.now(), as: self.keeper.epoch)
        await self.tell(units)
        return value
    }

    /// Pushes the present directives to units.
    func tell(_ units: some Sequence<UnitID> & Sendable) async {
        let config = await self.book.config
        let directives = try? await self.keeper.perform { authority, _ in
            units.map { authority.directives(for: $0, now: SystemClock.monotonic()) }
        }
        for one in directives ?? [] {
            if let unit = config.unit(one.unit) { self.pusher.push(one, to: unit) }
        }
    }

    func quota() async throws(Problem) -> QuotaState {
        let config = await self.book.config
        return try await self.keeper.perform { authority, _ in
            QuotaState(authority, config, wall: SystemClock.now(), now: SystemClock.monotonic())
        }
    }

    func units() async throws(Problem) -> [UnitDocument] {
        let config = await self.book.config
        let applied = await self.book.rollout.applied
        let clocks = self.clocks.withLockedValue { $0 }
        return try await self.keeper.perform { authority, _ in
            let now = SystemClock.monotonic()
            return config.units.sorted { $0.id < $1.id }.map { unit in
                let known = authority.book.units[unit.id]
                return UnitDocument(
                    unit: unit, generation: known?.generation, incarnation: known?.incarnation,
                    isDrained: known?.isDrained ?? false,
                    configVersion: applied[unit.name],
                    silentMilliseconds: authority.seen[unit.id].map { now.milliseconds(since: $0.at) },
                    clock: clocks[unit.id])
            }
        }
    }
}
