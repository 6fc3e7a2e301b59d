/// The decisions of one gate about entries and tokens.
///
/// Each request is judged twice: first by what the gate knows itself, which costs little and stops most of a storm, and
/// then by the answer of the Redis that the gates of a region share. The shell asks for that answer in between.
/// Clocks: `now` is the wall clock, `steady` never steps.
package struct GateMachine: Sendable {
    /// What a request is about, after its session was opened.
    package struct Caller: Hashable, Sendable {
        package let claims: GateClaims
        package let address: NetworkAddress
        /// The session's id, which a gate has drawn; `nil` without one.
        package let session: UInt64?
        package init(claims: GateClaims, address: NetworkAddress, session: UInt64? = nil) {
            (self.claims, self.address, self.session) = (claims, address, session)
        }
    }

    package private(set) var lots: [LotID: GateLot] = [:]
    package var lists = GateLists()
    package private(set) var share = AdmittedShare(classes: [.entry, .token])
    /// Requests that were refused for the load, ever.
    package private(set) var shed = 0
    /// Requests that were judged since the last measurement.
    private var judged = 0
    /// By lot: entries that this gate made. The center adds up those of all gates.
    package private(set) var entries: [LotID: ArrivalCounts] = [:]
    /// By lot: buyers who got their first token from this gate, ever.
    package private(set) var minted: [LotID: Int] = [:]
    /// Requests that broke a rule, by rule. Rules that only observe count too.
    package private(set) var ruleHits: [String: Int] = [:]
    /// The first line: it works without the gates' Redis, and costs no call.
    private var rates: LocalRates
    /// Since when requests have not waited, and the processors were mostly idle.
    private var idleSince: Instant?
    private let retry = RetryAfter()
    /// An entry's rank is kept as long as any sale may last.
    package static let attemptLifeMilliseconds: Int64 = 7 * 86_400_000
    static let entryLifeMilliseconds: Int64 = 7 * 86_400_000

    /// - Parameters:
    ///   - callers: Buyers and addresses whose limits are remembered at the same time.
    package init(callers: Int) { self.rates = LocalRates(capacity: callers) }

    /// Takes a new configuration. What the center told about a lot stays.
    package mutating func configure(_ lots: [GateLot]) {
        var next: [LotID: GateLot] = [:]
        for var lot in lots {
            if let known = self.lots[lot.id] { (lot.line, lot.band) = (known.line, known.band) }
            next[lot.id] = lot
        }
        self.lots = next
        self.entries = self.entries.filter { next[$0.key] != nil }
        self.minted = self.minted.filter { next[$0.key] != nil }
    }

    /// Takes in what the center tells. Thresholds only rise; an answer that is older than another one does no harm.
    package mutating func hear(_ line: LineState?, band: StockBand, of lot: LotID) {
        guard self.lots[lot] != nil else { return }
        self.lots[lot]!.band = band
        guard let line else { return }
        var threshold = self.lots[lot]!.line?.threshold ?? LineThreshold()
        threshold.merge(line.threshold)
        self.lots[lot]!.line = LineState(
            threshold: threshold, entered: line.entered, admitted: line.admitted, perMinute: line.perMinute)
    }

    /// Everything that came before `moment` is counted.
    package mutating func complete(until moment: Instant) {
        for lot in self.lots.keys where self.lots[lot]!.policy.needsEntry {
            self.entries[lot, default: ArrivalCounts()].complete(until: moment)
        }
    }

    /// Takes in how long requests waited for the gates' Redis.
    ///
    /// After a storm everything is admitted again as soon as a second shows that it can be done: requests did not wait, and
    /// most of the processors were idle. Steps of 1 % would take minutes.
    ///
    /// - Parameter cpuPermille: The use of the processors that the gate may use.
    package mutating func observe(waitingMilliseconds: Int, cpuPermille: Int, steady: Instant) {
        self.share.observe(waitingMilliseconds: waitingMilliseconds, requests: self.judged, now: steady)
        self.judged = 0
        guard waitingMilliseconds * 4 <= AdmittedShare.waitingLimitMilliseconds, cpuPermille <= Self.idlePermille else {
            self.idleSince = nil
            return
        }
        let since = self.idleSince ?? steady
        self.idleSince = since
        if steady.milliseconds(since: since) >= AdmittedShare.windowMilliseconds { self.share.restore() }
    }

    /// A gate that uses less than this of its processors can do twice as much.
    private static let idlePermille = 400

    /// Whether a request is served under the present load; `nil` if it is.
    ///
    /// - Parameters:
    ///   - caller: A hash of the caller. The same callers are admitted from call to call, so that they finish what they
    ///     began; others in the next hour.
    ///   - draw: Random bits.
    package mutating func isShed(
        _ request: GateRequestClass, caller: UInt64, now: Instant, draw: UInt64
    ) -> GateRefusal? {
        self.judged += 1
        let luck = UInt32(truncatingIfNeeded: CallerDraw.bits(caller: caller, now: now))
        guard !self.share.admits(request, draw: luck) else { return nil }
        self.shed += 1
        return .overloaded(retryAfterMilliseconds: self.retry.milliseconds(refusals: self.pauses, draw: draw))
    }

    /// The pause doubles with each halving of the share: the gate does not know how often it refused a caller.
    private var pauses: Int {
        switch self.share.permille {
        case 501...: 0
        case 251...: 1
        case 126...: 2
        default: 3
        }
    }

    /// What every request for a lot has to pass: load, the gate's own limits, and the rules of the sale.
    mutating func judge(
        _ caller: Caller, _ lot: GateLot, _ request: GateRequestClass, keys: (buyer: UInt64, address: UInt64),
        now: Instant, steady: Instant, draw: UInt64
    ) -> GateRefusal? {
        if let refusal = self.isShed(request, caller: keys.buyer, now: now, draw: draw)
            ?? self.judgeLimits(caller, lot, keys: keys, steady: steady)
        {
            return refusal
        }
        if lot.blocked.contains(caller.claims.buyer) { return .blocked(until: nil) }
        let hits = lot.rules.judge(claims: caller.claims, address: caller.address, lists: self.lists, now: now)
        for hit in hits { self.ruleHits[hit.rule, default: 0] += 1 }
        return hits.refusal
    }

    /// Whether an address may ask for another session. Nobody is known yet, so only the address counts.
    ///
    /// - Parameter address: The hash of ``NetworkAddress/limited``.
    package mutating func judgeSession(address: UInt64, now: Instant, steady: Instant) -> GateRefusal? {
        let draw = CallerDraw.bits(caller: address, now: now)
        if let refusal = self.isShed(.entry, caller: address, now: now, draw: draw) { return refusal }
        guard case .refused(let wait) = self.admit(address &+ Self.sessionsRow, Self.sessionRate, steady: steady) else {
            return nil
        }
        return .rateLimited(retryAfterMilliseconds: wait)
    }

    /// Sessions of one address: a signature of a proof is the dearest thing that a stranger can ask of a gate.
    package static let sessionRate: RateLimit = {
        guard let rate = RateLimit(perMinute: 300, burst: 60) else { preconditionFailure(RateLimit.rule) }
        return rate
    }()

    /// Counts a request that was refused for a bad ticket or a bad answer: otherwise a forger could try without end.
    ///
    /// - Returns: The refusal of the limit, once it is reached.
    package mutating func countForgery(
        _ caller: Caller, _ lotID: LotID, keys: (buyer: UInt64, address: UInt64), steady: Instant
    ) -> GateRefusal? {
        guard let lot = self.lots[lotID] else { return nil }
        return self.judgeLimits(caller, lot, keys: keys, steady: steady)
    }

    private mutating func judgeLimits(
        _ caller: Caller, _ lot: GateLot, keys: (buyer: UInt64, address: UInt64), steady: Instant
    ) -> GateRefusal? {
        // Ids of sessions are random already, so nobody can choose a row of the table.
        if let session = caller.session, let rate = lot.sessionRate,
            case .refused(let wait) = self.rates.admit(session &+ Self.sessionsRow, rate, now: steady)
        {
            return .sessionLimited(retryAfterMilliseconds: wait)
        }
        for (key, rate) in [(keys.buyer, lot.userRate), (keys.address, lot.addressRate)] {
            if case .refused(let wait) = self.rates.admit(key, rate, now: steady) {
                return .rateLimited(retryAfterMilliseconds: wait)
            }
        }
        return nil
    }

    /// Charges one of the gate's own limits.
    mutating func admit(_ key: UInt64, _ rate: RateLimit, steady: Instant) -> RateVerdict {
        self.rates.admit(key, rate, now: steady)
    }

    mutating func countEntry(_ rank: EntryRank, in lot: LotID) {
        self.entries[lot, default: ArrivalCounts()].count(rank)
    }

    mutating func countToken(in lot: LotID) { self.minted[lot, default: 0] += 1 }

    /// How long a buyer in the line should wait before asking again.
    func pause(_ rank: EntryRank, in lot: GateLot, draw: UInt64) -> Int {
        guard let line = lot.line else { return self.retry.milliseconds(refusals: 0, draw: draw) }
        let counts = self.entries[lot.id] ?? ArrivalCounts()
        let ahead = counts.ahead(of: rank, admitted: line.admitted)
        return self.retry.milliseconds(ahead: ahead, perMinute: line.perMinute, draw: draw)
    }

    /// What is asked of the gates' Redis for every request.
    static func limits(_ caller: Caller, _ lot: GateLot) -> [GateQuestion.Limit] {
        var limits: [GateQuestion.Limit] = [
            .init(key: .buyer(caller.claims.buyer), rate: lot.userRate),
            .init(key: .address(caller.address.limited), rate: lot.addressRate),
        ]
        if let session = caller.session, let rate = lot.sessionRate {
            limits.append(.init(key: .session(session), rate: rate))
        }
        return limits
    }
}
