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
    let approvals: ApprovalDesk
    let lines = GateLines()
    /// When this process began to lead.
    let leadingSince = SystemClock.monotonic()
    /// How busy each unit is, by its last report.
    let loads = NIOLockedValueBox(UnitLoads())
    /// The state of each unit's clock, by its last report.
    let clocks = NIOLockedValueBox<[UnitID: ClockDocument]>([:])
    /// When a process last claimed a unit whose own process lives, by the monotonic clock.
    let claims = NIOLockedValueBox<[UnitID: Instant]>([:])
    /// The version that each unit has applied, as the book has noted it.
    private let versions = NIOLockedValueBox<[UnitID: Int]>([:])
    /// What is in the way of the next step of a sale's schedule, by sale, as the last look found it.
    let obstacles = NIOLockedValueBox<[String: FoundObstacle]>([:])
    /// What units have answered, and how long the stages of rollouts have been watched.
    let rules = RuleWatch()
    /// Of the drafts that are deleted, or get items of another sale, now.
    let draftUse = NIOLockedValueBox(DraftUse())

    /// What the leading coordinator has been told of each lot.
    let told: NIOLockedValueBox<SentValues<LotID, LeaderQuota.Lot>>

    init(keeper: AuthorityKeeper, book: ConfigBook, approvals: ApprovalDesk, pusher: Pusher) {
        self.keeper = keeper
        // The epoch is the high part, so no number is one of another center.
        self.told = NIOLockedValueBox(SentValues(after: keeper.epoch.rawValue << 32))
        self.book = book
        self.approvals = approvals
        self.pusher = pusher
    }

    // MARK: configuration

    /// Makes a new version and pushes it, without waiting for the units.
    @discardableResult
    func change(
        _ change: ConfigChange, expected: Int? = nil, actor: String, note: String, act: OperatorAct? = nil,
        _ body: @Sendable (inout SaleConfig) throws(Problem) -> Void
    ) async throws(Problem) -> ConfigPush {
        let before = await self.book.push.version
        let push = try await self.book.change(change, expected: expected, actor: actor, note: note, act: act, body)
        if push.version != before {
            let (units, goesToAll) = (await self.book.config.units, await self.book.rollout.isUrgent)
            Task { await self.pusher.push(push, to: units, isUrgent: goesToAll, self.book) }
        }
        return push
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
        // Only an accepted unit gets into the configuration.
        case .occupied:
            self.claims.withLockedValue { $0[unit.id] = SystemClock.monotonic() }
            return reply
        case .proofRequired, .superseded, .centerIsBehind: return reply
        case .accepted, .newGeneration: break
        }
        try await self.change(.unitAnnounced, actor: "unit \(unit.name)", note: "unit \(unit.name) announced itself") {
            config in
            config.announce(unit)
        }
        return reply
    }

    /// The units that a second process claims now. It asks four times a second.
    func claimed(now: Instant) -> Set<UnitID> {
        let last = self.claims.withLockedValue { $0 }
        return Set(last.filter { now.milliseconds(since: $0.value) <= Self.claimMilliseconds }.keys)
    }

    static let claimMilliseconds: Int64 = 1_000

    func report(_ envelope: ReportEnvelope) async throws(Problem) -> ReportReply {
        let (unit, version) = (envelope.report.unit, envelope.configVersion)
        self.clocks.withLockedValue { $0[unit] = envelope.clock }
        // The book is another executor. A hop for each report without news would cost more than the rest of the call.
        if self.versions.withLockedValue({ $0[unit] != version }) {
            switch await self.book.hear(unit, applied: version) {
            case .noted: self.versions.withLockedValue { $0[unit] = version }
            case .unknown: break
            case .ahead: return .centerIsBehind
            }
        }
        let reply = try await self.keeper.perform {
            $0.report(envelope.report, now: SystemClock.monotonic(), into: &$1)
        }
        // Only of a unit that the authority takes reports from.
        if case .directives = reply {
            self.loads.withLockedValue { $0.hear(unit, envelope.load, now: SystemClock.monotonic()) }
            if let figures = envelope.figures { self.rules.hear(unit, envelope.report.incarnation, figures) }
        }
        return reply
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
    /// - Parameter approved: The approval that carries it out, whose key counts then.
    /// - Returns: `nil` if the act was done before.
    @discardableResult
    func command<Value: Sendable>(
        actor: String, action: String, detail: String, key: String?, about subject: ActNote.Subject,
        tell units: [UnitID], approved: ApprovedAct? = nil,
        _ body: @escaping @Sendable (inout QuotaAuthority, inout [AuthorityRecord]) throws(AuthorityError) -> Value
    ) async throws(Problem) -> Value? {
        let what = "\(action): \(detail)"
        let act = approved.map { $0.act(what) } ?? key.map { OperatorAct(key: $0, what: what) }
        let sale = await self.book.config.sale(of: subject)
        let note = ActNote(
            actor: actor, action: action, sale: sale ?? "", detail: detail, key: act?.key ?? "",
            subject: subject)
        let done = try await self.keeper.perform(act, note: note) { (authority, records) throws(Problem) in
            try approved?.check(authority)
            do throws(AuthorityError) { return try body(&authority, &records) } catch { throw Problem(error) }
        }
        guard let value = done else { return nil }
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
                    configVersion: applied[unit.id],
                    silentMilliseconds: authority.seen[unit.id].map { now.milliseconds(since: $0.at) },
                    clock: clocks[unit.id])
            }
        }
    }
}
