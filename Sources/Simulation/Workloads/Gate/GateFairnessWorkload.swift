package import TrancheCore

/// A sale in front of one gate: does a script with a hundred times the requests win more than a person?
///
/// The decisions of the gate and the line of the center are the product's own. All buyers enter before the opening, and
/// want one item each. A script is one identity: it enters with many sessions, asks while it is not its turn, and asks
/// without a pause when it is. A person asks once, some time after the turn has come.
package struct GateFairnessWorkload: Sendable {
    package struct Settings: Hashable, Sendable {
        package var people = 20_000
        package var scripts = 10_000
        package var scriptRequests = 100
        /// Of these, the entries: one for each session.
        package var scriptSessions = 10
        /// Of these, requests for a token before the turn.
        package var scriptEarlyRequests = 80
        package var stock = 10_000
        package var policy = LinePolicy.lotteryThenFirstCome
        /// What the center takes the units to answer in a second. The line fills three quarters of it.
        package var capacityPerSecond = 60
        /// From the turn to a person's request: the page notices the turn, and the person clicks.
        package var personMilliseconds = 1_000...4_000
        package init() {}
    }

    private struct Buyer {
        let caller: GateMachine.Caller
        let keys: (buyer: UInt64, address: UInt64)
        let isScript: Bool
        /// `nil` before the entry.
        var rank: EntryRank?
        var requests = 0
        var items = 0
    }
    private enum Act { case enter, askEarly, ask }
    private struct Event: Comparable {
        let at: Int64
        let number: Int
        let buyer: Int
        let act: Act
        static func < (left: Event, right: Event) -> Bool { (left.at, left.number) < (right.at, right.number) }
        static func == (left: Event, right: Event) -> Bool { left.number == right.number }
    }

    static let lot = LotID(1)
    static let opensAt = Instant(milliseconds: 1_700_000_000_000)
    /// Buyers enter within this time before the opening.
    static let entryMilliseconds = 60_000
    static let stepMilliseconds: Int64 = 250
    /// Between two requests of a script: when it enters, while it waits, and when its turn has come.
    static let entriesMilliseconds: Int64 = 20
    static let earlyMilliseconds: Int64 = 200
    /// Ten of them are longer than the pause of the limit: no script loses its turn because it asked too often before.
    static let turnMilliseconds: Int64 = 100
    static let limitMilliseconds: Int64 = 3_600_000

    private let settings: Settings
    private var random: SeededRandom
    private var machine = GateMachine(callers: 200_000)
    private var memory = SimulatedGateMemory()
    private var lines = SaleLines()
    private var buyers: [Buyer] = []
    private var events = Heap<Event>()
    private var made = 0
    /// Buyers in the order of their ranks, and how many of them may go on.
    private var ranked: [Int] = []
    private var admitted = 0
    private var left: Int
    /// Milliseconds since the opening.
    private var now: Int64 = 0
    private var shares: (people: Share, scripts: Share)

    package static func run(seed: UInt64, _ settings: Settings = Settings()) -> Result {
        var workload = GateFairnessWorkload(seed: seed, settings)
        return workload.run()
    }

    private init(seed: UInt64, _ settings: Settings) {
        self.settings = settings
        self.random = SeededRandom(seed: seed)
        self.left = settings.stock
        self.shares = (Share(buyers: settings.people), Share(buyers: settings.scripts))
        let hash = SipHash(key: (self.random.next(), self.random.next()))
        for number in 0..<(settings.people + settings.scripts) {
            let isScript = number >= settings.people
            let claims = GateClaims(buyer: BuyerID("\(isScript ? "script" : "person")-\(number)")!)
            let address = NetworkAddress(rawValue: UInt128(0x2001_0db8) << 96 | UInt128(number) << 64)
            self.buyers.append(
                Buyer(
                    caller: GateMachine.Caller(claims: claims, address: address),
                    keys: (hash.hash(claims.buyer), UInt64(number)), isScript: isScript))
        }
        self.machine.configure([self.gateLot])
    }

    private var gateLot: GateLot {
        GateLot(
            id: Self.lot, sale: "fairness", policy: self.settings.policy, phase: .open, opensAt: Self.opensAt,
            closesAt: Self.opensAt.advanced(milliseconds: Self.limitMilliseconds),
            userRate: RateLimit(perMinute: 100, burst: 10)!, addressRate: RateLimit(perMinute: 300, burst: 10)!,
            lotRate: nil, rules: [], wantsChallenge: false, minimumAnswerMilliseconds: 1_000, tokenMilliseconds: 120_000
        )
    }

    private mutating func run() -> Result {
        let draws = SipHash(key: (self.random.next(), self.random.next()))
        for (index, buyer) in self.buyers.enumerated() {
            let at = -Int64(self.random.number(1...Self.entryMilliseconds))
            for session in 0..<(buyer.isScript ? self.settings.scriptSessions : 1) {
                self.schedule(.enter, index, at: min(-1, at + Int64(session) * Self.entriesMilliseconds))
            }
            guard buyer.isScript else { continue }
            for number in 0..<self.settings.scriptEarlyRequests {
                self.schedule(.askEarly, index, at: Int64(number) * Self.earlyMilliseconds)
            }
        }
        self.now = -Int64(Self.entryMilliseconds)
        while self.left > 0, self.now < Self.limitMilliseconds {
            self.serve(until: self.now + Self.stepMilliseconds, draws)
            if self.ranked.isEmpty, self.now >= 0 { self.rank() }
            self.moveLine()
        }
        return Result(
            people: self.shares.people, scripts: self.shares.scripts, mostOfOne: self.buyers.map(\.items).max() ?? 0,
            seconds: Double(self.now) / 1_000)
    }

    private mutating func schedule(_ act: Act, _ buyer: Int, at moment: Int64) {
        self.made += 1
        self.events.insert(Event(at: moment, number: self.made, buyer: buyer, act: act))
    }

    private mutating func serve(until end: Int64, _ draws: SipHash) {
        while let event = self.events.first, event.at < end {
            _ = self.events.removeFirst()
            self.now = event.at
            switch event.act {
            case .enter: self.enter(event.buyer, draws)
            case .askEarly where self.isTurn(of: event.buyer): break  // Its burst has these requests left.
            case .askEarly, .ask: self.ask(event.buyer)
            }
        }
        self.now = end
    }
}

// The gate's two decisions, and the unit.
extension GateFairnessWorkload {
    private var instant: Instant { Self.opensAt.advanced(milliseconds: self.now) }

    private mutating func count(_ buyer: Buyer, _ change: (inout Share) -> Void) {
        if buyer.isScript { change(&self.shares.scripts) } else { change(&self.shares.people) }
    }

    private mutating func enter(_ index: Int, _ draws: SipHash) {
        let (buyer, now) = (self.buyers[index], self.instant)
        self.buyers[index].requests += 1
        self.count(buyer) { $0.requests += 1 }
        let judged = self.machine.judgeEntry(
            buyer.caller, Self.lot, keys: buyer.keys, drawNumber: draws.hash(buyer.caller.claims.buyer), now: now,
            steady: now, draw: self.random.next())
        guard case .success(let plan)? = judged else { return self.count(buyer) { $0.limited += 1 } }
        guard case .success(let entry) = self.machine.enter(plan, self.memory.ask(plan.question, now: now)) else {
            return self.count(buyer) { $0.limited += 1 }
        }
        self.buyers[index].rank = entry.rank
    }

    private mutating func ask(_ index: Int) {
        let (buyer, now) = (self.buyers[index], self.instant)
        self.buyers[index].requests += 1
        self.count(buyer) { $0.requests += 1 }
        let judged = self.machine.judgeToken(
            buyer.caller, Self.lot, rank: buyer.rank, solution: nil, keys: buyer.keys, now: now, steady: now,
            draw: self.random.next())
        switch judged {
        case .success(let plan)?:
            switch self.machine.grant(plan, self.memory.ask(plan.question, now: now)) {
            case .success: self.buy(index)
            case .failure(let refusal): self.note(refusal, index)
            }
        case .failure(let refusal)?: self.note(refusal, index)
        case nil: preconditionFailure("the gate does not know lot \(Self.lot)")
        }
    }

    private mutating func note(_ refusal: GateRefusal, _ index: Int) {
        guard case .rateLimited(let wait) = refusal else { return }
        self.count(self.buyers[index]) { $0.limited += 1 }
        // A person whom a limit refuses asks again when the answer says so.
        if !self.buyers[index].isScript { self.schedule(.ask, index, at: self.now + Int64(wait)) }
    }

    /// The order of a token: the id is the same for every token of a buyer, so a second one buys nothing.
    private mutating func buy(_ index: Int) {
        guard self.left > 0, self.buyers[index].items == 0 else { return }
        self.left -= 1
        self.buyers[index].items += 1
        self.count(self.buyers[index]) { $0.won += 1 }
    }
}

// The line.
extension GateFairnessWorkload {
    private mutating func rank() {
        let ranks = self.buyers.map { $0.rank ?? .everybody }
        self.ranked = self.buyers.indices.filter { self.buyers[$0].rank != nil }
            .sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    }

    private func isTurn(of index: Int) -> Bool {
        guard let rank = self.buyers[index].rank, let state = self.lines.state(of: Self.lot) else { return false }
        return state.threshold.admits(rank)
    }

    /// The center moves the threshold, and those whose turn has come begin to ask.
    private mutating func moveLine() {
        let now = self.instant
        self.machine.complete(until: now)
        self.lines.hear(
            "gate",
            [
                SaleLines.Report(
                    lot: Self.lot, entries: self.machine.entries[Self.lot] ?? ArrivalCounts(),
                    minted: self.machine.minted[Self.lot] ?? 0,
                    threshold: self.machine.lots[Self.lot]?.threshold ?? LineThreshold())
            ])
        let load = LoadFigures(
            capacityPerSecond: self.settings.capacityPerSecond, waitingMilliseconds: 0, cpuPermille: 0)
        self.lines.step(
            [
                SaleLines.Lot(
                    id: Self.lot, policy: self.settings.policy, opensAt: Self.opensAt, left: self.left,
                    issued: self.settings.stock, isContested: false, load: load, tokenMilliseconds: 120_000)
            ], now: now)
        guard let state = self.lines.state(of: Self.lot) else { return }
        let band = StockBand(left: self.left, issued: self.settings.stock, isContested: false)
        self.machine.hear(state, band: band, of: Self.lot)
        while self.admitted < self.ranked.count, self.isTurn(of: self.ranked[self.admitted]) {
            self.callUp(self.ranked[self.admitted])
            self.admitted += 1
        }
    }

    private mutating func callUp(_ index: Int) {
        guard self.buyers[index].isScript else {
            let (soonest, latest) = (
                self.settings.personMilliseconds.lowerBound, self.settings.personMilliseconds.upperBound
            )
            return self.schedule(.ask, index, at: self.now + Int64(self.random.number(soonest...latest)))
        }
        for number in 0..<max(1, self.settings.scriptRequests - self.buyers[index].requests) {
            self.schedule(.ask, index, at: self.now + Int64(number) * Self.turnMilliseconds)
        }
    }
}
