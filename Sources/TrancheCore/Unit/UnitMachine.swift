/// One unit: quota in, reservations out. The rules of a unit, without any IO.
///
/// Sans-IO: no clock, no randomness, no suspension. The same events give the same output, whose order of disk and network
/// ``UnitOutput/carryOut(by:)`` keeps.
///
/// Life: survey Redis, adopt what it admitted beyond the ledger, register with the center (or, if the center is away,
/// let Redis vouch for the ledger), prime each lot, sell.
///
/// The rules are in the folder of their subject: registration here, admission in `Admission`, Redis in `Redis`, quota in
/// `Quota`, payment and expiry in `Orders`, the contest in `Contest`.
package struct UnitMachine: Sendable {
    package struct Settings: Sendable {
        /// Directives older than this do not count as news of stock elsewhere, in milliseconds. Another center leads within 5 s
        /// of the loss of the first one. Until then a unit that runs dry must not refuse its buyers for good.
        package static let centerSilenceMilliseconds: Int64 = 8_000
        /// A lot whose Redis has not been asked for this long is probed, in milliseconds.
        package static let probeMilliseconds: Int64 = 1_000
        /// How long a request waits for quota before it is answered "restocking", in milliseconds.
        package var starvedMilliseconds: Int64 = 2_000
        /// Pause between attempts to prime a lot or to register, in milliseconds.
        package var retryMilliseconds: Int64 = 250
        /// How the unit works with a payment provider; `nil`: it has none, asks nobody, and only lists refunds.
        package var provider: ProviderTerms?
        /// Registrations in a row without an answer after which Redis may vouch for the ledger. One failed call does
        /// not show that the center is away.
        package static let failuresBeforeRedisVouches = 3
        /// Reported heads of the ledger that the machine remembers, at most.
        package static let reportedLimit = 64

        package init() {}
    }

    package let unit: UnitID
    package let ledger: LedgerID
    /// Drawn by the shell for this process.
    package let session: UInt64
    package let settings: Settings
    package internal(set) var book: UnitBook
    var registration = Registration.surveying
    /// What Redis held at the start; `nil` until it has answered.
    var survey: RedisSurvey?
    var surveyAt = Instant.distantFuture
    /// The end of the ledger at that moment.
    var headAtSurvey: UInt64 = 0
    /// Fences of earlier processes in Redis are not above this.
    var fenceFloor: UInt64 = 0
    var lots = SortedMap<LotID, LotState>()
    var deadlines = Heap<Deadline>()
    /// The leading coordinator, if the center has named one.
    package internal(set) var coordinator: CoordinatorAddress?
    /// The highest epoch of a center in any message.
    package internal(set) var epoch = Epoch(0)
    /// The moment of the event that is being handled, by a clock that never steps: for pauses and silences. Stamps, deadlines
    /// and openings go by the wall clock, which comes with each event, too.
    var steady = Instant.distantPast
    /// Registrations in a row that got no answer.
    var failures = 0
    /// `false` after the center has asked this process to register again: from then on only the center may vouch.
    var redisMayVouch = true
    /// Heads that were reported, the newest last.
    var reported: [LedgerHead] = []
    /// The newest head of this ledger that the center has named as seen.
    var witness: LedgerHead?
    var isClosing = false
    /// Another process has taken this unit over: a new process of this machine would only push that one out again.
    package internal(set) var isSuperseded = false
    /// Alarms that were raised, so that each is raised once.
    var disbelieved: Set<String> = []
    /// The challenge that was answered in the present attempt to register.
    var answeredChallenge: UInt64?
    var head: LedgerHead
    var registerAt = Instant.distantPast
    var registerUnderway = false
    /// The lot whose archive the shell writes, and when to look for the next one.
    var archiveUnderway: LotID?
    var archiveAt = Instant.distantPast
    /// The index of the lot that begins the next report to the coordinator.
    var contestReportTurn = 0
    /// Lots with requests that wait for a decision. Most events concern few of a unit's lots, so none looks at all of them.
    var lotsToDecide: [LotID] = []
    /// How long requests waited for their decision, since a shell asked last.
    var waited = WaitedTime()
    /// Lots with undurable stock or returns, and those with returns that Redis has not confirmed.
    var lotsToCommit: Set<LotID> = []
    var lotsToConfirm: Set<LotID> = []
    /// Lots with buyers to refer, and those whose newest branches are not durable yet.
    var lotsToRefer: Set<LotID> = []
    var lotsToBranch: Set<LotID> = []
    var questions = ProviderQuestions()
    var refundWatch = RefundWatch()
    /// The newest head of the ledger that was sent to Redis.
    var toldRedis = LedgerHead.empty

    /// - Parameters:
    ///   - book: The fold of the ledger, with this process's own ``LedgerEntry/opened(_:)`` as its last entry.
    ///   - head: The end of that ledger.
    package init(
        unit: UnitID, ledger: LedgerID, session: UInt64, book: UnitBook, head: LedgerHead,
        settings: Settings = Settings()
    ) {
        self.unit = unit
        self.ledger = ledger
        self.session = session
        self.book = book
        self.head = head
        self.settings = settings
        for order in book.orders {
            if order.state == .reserved { self.deadlines.insert(.init(deadline: order.deadline, order: order.id)) }
        }
        for lot in book.lots { self.lots[lot] = self.newLot(lot) }
        for lot in book.contests.keys {
            if self.lots[lot] == nil { self.lots[lot] = self.newLot(lot) }
            self.lots[known: lot].rejoin()
        }
        self.lotsToConfirm = Set(self.lots.keys)
        for order in book.orders where order.state == .paid && order.generation == book.generation {
            self.lots[order.lot]?.paid += Int(order.quantity)
        }
        self.resumeProvider()
        // Nothing waits for a payment in a lot that was archived.
        for lot in book.archived.keys { self.lots[lot]?.paid = book[lot].live }
    }

    /// Applies one event and adds what the shell must do to `output`.
    package mutating func handle(_ event: Event, at moment: Moment, into output: inout UnitOutput) {
        self.steady = moment.steady
        let now = moment.wall
        guard self.registration != .stopped else { return self.refuseStopped(event, into: &output) }
        switch event {
        case .started: output.add(.survey)
        case .surveyed(let survey): self.surveyed(survey, now: now, into: &output)
        case .registered(let reply): self.registered(reply, now: now, into: &output)
        case .registrationFailed: self.registrationFailed(now: now, into: &output)
        case .closing: self.close(into: &output)
        case .proof(let answer): self.register(answer, into: &output)
        case .configured(let rules): self.configure(rules, now: now, into: &output)
        case .requests(let requests): self.answerOrWait(requests, now: now, into: &output)
        case .stamped(let watermark): self.raise(watermark)
        case .contestReportDue: self.reportContest(now: now, into: &output)
        case .contestReply(let reply): self.follow(reply, now: now, into: &output)
        case .redisResult(let lot, let fence, let result):
            self.redisCallEnded(result, of: lot, fence, now: now, into: &output)
        case .redisResults(let results):
            for one in results where self.registration != .stopped {
                self.redisCallEnded(one.result, of: one.lot, one.fence, now: now, into: &output)
            }
        case .payment(let notice, let ticket): self.pay(notice, ticket, now: now, into: &output)
        case .cancel(let order, let ticket): self.cancel(order, ticket, now: now, into: &output)
        case .archivedPayment(let order, let notice, let ticket):
            self.pay(order, notice, ticket, now: now, into: &output)
        case .archivedCancel(let order, let ticket): self.cancel(order, ticket, into: &output)
        case .providerAnswered(let order, let answer):
            self.providerAnswered(order, answer, now: now, into: &output)
        case .refundAnswered(let key, let answer): self.refundAnswered(key, answer, into: &output)
        case .archiveEnded(let archived): self.archiveEnded(archived, into: &output)
        case .directives(let directives): self.follow(directives, now: now, into: &output)
        case .reportDue(let nonce): self.report(nonce: nonce, into: &output)
        case .registrationLost: self.registrationLost(into: &output)
        case .superseded: self.stopSuperseded("another process or ledger has taken this unit over", into: &output)
        case .tick: self.tick(now: now, into: &output)
        case .nextRound: break
        }
        self.decideIdleLots(now: now, into: &output)
        self.referWaiting(into: &output)
    }

    /// The same for a shell with one clock.
    package mutating func handle(_ event: Event, now: Instant, into output: inout UnitOutput) {
        self.handle(event, at: Moment(wall: now, steady: now), into: &output)
    }

    /// The ledger holds everything that was appended so far, up to this head.
    package mutating func committed(_ head: LedgerHead) {
        guard self.registration != .stopped else { return }
        self.head = head
        for lot in self.lotsToCommit {
            self.lots[lot]?.undurable = 0
            self.lots[lot]?.returns.becameDurable(at: head.position)
        }
        self.lotsToConfirm.formUnion(self.lotsToCommit)
        self.lotsToCommit.removeAll(keepingCapacity: true)
        for lot in self.lotsToBranch { self.lots[lot]?.branchesAreDurable = true }
        self.lotsToBranch.removeAll()
    }

    /// Whether the unit may sell: the center or Redis vouched for its ledger.
    package var mayIssue: Bool { self.registration == .registered || self.registration == .vouchedByRedis }

    package var isRegistered: Bool { self.registration == .registered }

    package func isPrimed(_ lot: LotID) -> Bool {
        self.lots[lot].map { $0.redis.isOpen || $0.isContended } ?? false
    }

    package func available(_ lot: LotID) -> Int { self.book[lot].available }

    /// The end of the ledger on disk.
    package var durableHead: LedgerHead { self.head }

    mutating func append(_ entry: LedgerEntry, into output: inout UnitOutput) {
        let before = entry.movedStock.map { self.book[$0].available } ?? 0
        self.book.apply(entry)
        if let lot = entry.movedStock {
            precondition(self.book[lot].isSound, "I2 is broken for lot \(lot) by \(entry): \(self.book[lot])")
            let gained = self.book[lot].available - before
            if gained > 0 {
                self.lots[lot]?.undurable += gained
                self.lotsToCommit.insert(lot)
            }
            if case .returned(_, let total) = entry {
                self.lots[lot]?.returns.raise(to: total)
                self.lotsToCommit.insert(lot)
            }
        }
        output.add(entry)
    }

    func newLot(_ lot: LotID) -> LotState {
        // The incarnation is the high part, so a fence of an older process is lower, unless the ledger was set back since.
        LotState(
            lot: lot, fence: max(self.fenceFloor, self.book.incarnation.rawValue << Limits.incarnationShift),
            returns: ReturnedTotal(total: self.book[lot].returned, position: self.head.position))
    }

    /// Raises an alarm about a message that the machine ignores, once.
    mutating func disbelieve(_ text: String, into output: inout UnitOutput) {
        guard self.disbelieved.count < 1_000, self.disbelieved.insert(text).inserted else { return }
        output.add(.alarm(text))
    }

    /// No request waits for quota any more.
    private mutating func close(into output: inout UnitOutput) {
        self.isClosing = true
        for lot in self.lots.keys {
            for one in self.lots[known: lot].starved { output.addAnswer(to: one.request, .refused(.restocking)) }
            self.lots[known: lot].starved = []
        }
    }

    private mutating func tick(now: Instant, into output: inout UnitOutput) {
        self.expire(now: now, into: &output)
        self.carryOutRefunds(into: &output)
        self.surveyAgain(into: &output)
        self.archiveSettled(into: &output)
        self.primeLots(into: &output)
        let needsRegistration = self.registration == .unvouched || self.registration == .vouchedByRedis
        if needsRegistration, !self.registerUnderway, self.registerAt <= self.steady {
            self.register(nil, into: &output)
        }
        for lot in self.lots.keys {
            self.answerStarved(lot, now: now, into: &output)
            if self.lots[known: lot].isContended {
                self.flagContestFull(lot, into: &output)
                self.returnLeftover(lot, into: &output)
            } else {
                self.flagSoldOut(lot, into: &output)
            }
        }
        self.probe(into: &output)
    }
}
