/// One unit: quota in, reservations out. The rules of a unit, without any IO.
///
/// Sans-IO: no clock, no randomness, no suspension. The same events give the same actions.
///
/// **Order is a contract.** The shell carries actions out in order, and everything that stands behind an
/// ``Action/append(_:)`` waits until that entry is durable. One exception, for speed: a ``Action/call(_:)`` that does
/// not depend on the ledger may start at once. If an append fails, the machine is ahead of the disk: the shell answers
/// everybody who waits with ``Refusal/recovering``, throws the machine away and recovers a new one from the ledger.
///
/// Life: survey Redis, adopt what it admitted beyond the ledger, register with the center (or, if the center is away,
/// let Redis vouch for the ledger), prime each lot, sell.
package struct UnitMachine: Sendable {
    package struct Settings: Sendable {
        /// Directives older than this say nothing about stock elsewhere, in milliseconds.
        package static let centerSilenceMilliseconds: Int64 = 3_000
        /// A lot whose Redis has not been asked for this long is probed, in milliseconds.
        package static let probeMilliseconds: Int64 = 1_000
        /// How long a request waits for quota before it is answered "restocking", in milliseconds.
        package var starvedHoldMilliseconds: Int64 = 2_000
        /// Pause between attempts to prime a lot or to register, in milliseconds.
        package var retryMilliseconds: Int64 = 250
        /// Registrations in a row that must have got no answer before Redis may vouch for the ledger: one call that failed says
        /// nothing of the center.
        package static let failuresBeforeRedisVouches = 3
        /// Heads of the ledger that were reported, and are remembered.
        package static let reportedLimit = 64
        /// A center's epoch that is further above the last one than this is not believed: each start of a center raises it by
        /// one.
        package static let epochJumpLimit: UInt64 = 100_000

        package init() {}
    }

    package enum Event: Sendable {
        case started
        case surveyed(RedisSurvey?)
        case registered(RegisterReply)
        case registrationFailed
        /// The ledger's digest at the position that was asked for, if it reaches that far.
        case proof(ChallengeAnswer)
        case configured([LotRules])
        case requests([BuyRequest])
        /// Every request stamped up to here has been handed in.
        case handedIn(upTo: Stamp)
        /// It is time to speak with the coordinator about contested lots.
        case exchangeDue
        case exchanged(ContestReply)
        case lotResult(lot: LotID, fence: UInt64, LotResult)
        case payment(OrderID, payment: PaymentID, ticket: UInt64)
        case cancel(OrderID, ticket: UInt64)
        case directives(QuotaDirectives)
        case reportDue(nonce: UInt64)
        /// The center answered a report with "register first".
        case registrationLost
        case superseded
        /// The ledger holds everything appended so far, up to this head.
        case committed(LedgerHead)
        case tick
        /// The process ends: nobody waits for quota any more.
        case closing
    }

    /// Work for the shell, in order.
    package enum Action: Sendable {
        case append(LedgerEntry)
        case call(LotCall)
        case prime(LotPrime)
        case reply(BuyRequest, Answer)
        case replyTo(ticket: UInt64, Answer)
        /// An order changed; the front desk publishes it.
        case changed(Order)
        case setSoldOut(LotID, Bool)
        case survey
        /// Whatever Redis had admitted of the lot (of every lot, if `nil`) is in the ledger, or gone: the front desk may
        /// refuse from memory.
        case recovered(LotID?)
        case register(RegisterRequest)
        /// The ledger's digests at these positions, as far as it has them; 0 for none.
        case prove(position: UInt64, challenge: UInt64, earlier: [UInt64])
        case report(UnitReport)
        /// To the coordinator. The shell fills in whether the clock may be believed.
        case exchange(ContestReport)
        /// Where a contested order stands; `ahead` is unknown at first.
        case standing(OrderID, ahead: Int?, mayReturn: Int)
        /// The unit's next stamps should be above this one.
        case fence(Stamp)
        /// Somebody says what cannot be, and was not believed: operators must hear of it.
        case alarm(String)
        /// Another process or ledger has taken this unit over, or this machine was set back: the process must end.
        case stop(reason: String)
    }

    enum Standing: Hashable, Sendable {
        case surveying
        /// Nobody has vouched for the ledger yet: nothing is sold.
        case unvouched
        /// Redis vouched while the center is away: sells what it holds, and goes on registering.
        case vouchedByRedis
        case registered
        case stopped
    }

    package let unit: UnitID
    package let ledger: LedgerID
    /// Drawn by the shell for this process.
    package let session: UInt64
    package let settings: Settings
    package internal(set) var book: UnitBook
    var standing = Standing.surveying
    var survey: RedisSurvey?
    /// Fences of earlier processes in Redis are not above this.
    var fenceFloor: UInt64 = 0
    var lanes = SortedMap<LotID, LotLane>()
    var deadlines = Heap<Deadline>()
    /// The leading coordinator, if the center has named one.
    package internal(set) var coordinator: CoordinatorAddress?
    /// The highest epoch of a center that was heard.
    package internal(set) var epoch = Epoch(0)
    /// The moment of the event that is being handled, by a clock that never steps: for pauses and silences. Stamps, deadlines
    /// and openings go by the wall clock, which comes with each event, too.
    var steady = Instant.distantPast
    /// Registrations in a row that got no answer.
    var failures = 0
    /// A process whose generation the center has settled sells on nobody's word but the center's.
    var redisMayVouch = true
    /// Heads that were reported, the newest last.
    var reported: [LedgerHead] = []
    /// What the center saw of this ledger last, by its own word.
    var witness: LedgerHead?
    var isClosing = false
    /// What was not believed, so that it is said once.
    var disbelieved: Set<String> = []
    /// Answered in the present attempt to register.
    var answeredChallenge: UInt64?
    var head: LedgerHead
    var registerAt = Instant.distantPast
    var registerUnderway = false
    /// Which lot begins the next report to the coordinator.
    var exchangeTurn = 0
    /// Times that Redis admitted what the ledger could not take: each one is a Redis that lied, and was primed again.
    package internal(set) var redisContradictions = 0

    /// - Parameters:
    ///   - book: The fold of the ledger, with this process's own ``LedgerEntry/opened(_:)`` as its last entry.
    ///   - head: Where that ledger ends.
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
        for lot in book.lots { self.lanes[lot] = self.newLane(lot) }
        for lot in book.contests.keys {
            if self.lanes[lot] == nil { self.lanes[lot] = self.newLane(lot) }
            self.lanes[known: lot].contest = ContestQueue(phase: .asking, allowance: 0)
        }
        for order in book.orders where order.state == .paid && order.generation == book.generation {
            self.lanes[order.lot]?.paid += Int(order.quantity)
        }
    }

    /// Applies one event and appends what the shell must do to `actions`.
    ///
    /// - Parameters:
    ///   - now: By the wall clock.
    ///   - steady: The same moment by a clock that never steps, from any origin; `now` where both are the same.
    package mutating func handle(
        _ event: Event, now: Instant, steady: Instant? = nil, into actions: inout [Action]
    ) {
        self.steady = steady ?? now
        guard self.standing != .stopped else { return self.refuseStopped(event, into: &actions) }
        switch event {
        case .started: actions.append(.survey)
        case .surveyed(let survey): self.surveyed(survey, now: now, into: &actions)
        case .registered(let reply): self.registered(reply, now: now, into: &actions)
        case .registrationFailed: self.registrationFailed(now: now, into: &actions)
        case .closing: self.close(now: now, into: &actions)
        case .proof(let answer): self.register(answer, into: &actions)
        case .configured(let rules): self.configure(rules, now: now, into: &actions)
        case .requests(let requests): self.take(requests, now: now, into: &actions)
        case .handedIn(let watermark): self.handedIn(upTo: watermark)
        case .exchangeDue: self.exchange(now: now, into: &actions)
        case .exchanged(let reply): self.exchanged(reply, now: now, into: &actions)
        case .lotResult(let lot, let fence, let result): self.take(lot, fence, result, now: now, into: &actions)
        case .payment(let order, let payment, let ticket): self.pay(order, payment, ticket, now: now, into: &actions)
        case .cancel(let order, let ticket): self.cancel(order, ticket, now: now, into: &actions)
        case .directives(let directives): self.follow(directives, now: now, into: &actions)
        case .reportDue(let nonce): self.report(nonce: nonce, into: &actions)
        case .registrationLost: self.registrationLost(now: now, into: &actions)
        case .superseded: self.stop("another process or ledger has taken this unit over", into: &actions)
        case .committed(let head):
            self.head = head
            for lot in self.lanes.keys { self.lanes[known: lot].durable = self.lanes[known: lot].appended }
        case .tick: self.tick(now: now, into: &actions)
        }
        self.startCalls(into: &actions)
    }

    /// Whether the unit may sell: somebody vouched for its ledger.
    package var mayIssue: Bool { self.standing == .registered || self.standing == .vouchedByRedis }

    package var isRegistered: Bool { self.standing == .registered }

    package func isPrimed(_ lot: LotID) -> Bool {
        self.lanes[lot]?.phase == .open || self.isContended(lot)
    }

    package func available(_ lot: LotID) -> Int { self.book[lot].available }

    mutating func append(_ entry: LedgerEntry, into actions: inout [Action]) {
        self.book.apply(entry)
        actions.append(.append(entry))
    }

    func newLane(_ lot: LotID) -> LotLane {
        // The incarnation is the high part, so a fence of an older process is lower, unless the ledger was set back since.
        LotLane(lot: lot, fence: max(self.fenceFloor, self.book.incarnation.rawValue << 24))
    }

    mutating func stop(_ reason: String, into actions: inout [Action]) {
        self.standing = .stopped
        for lot in self.lanes.keys { self.refuseAll(lot, .recovering, into: &actions) }
        actions.append(.stop(reason: reason))
    }

    /// Says once what was not believed.
    mutating func disbelieve(_ text: String, into actions: inout [Action]) {
        guard self.disbelieved.count < 1_000, self.disbelieved.insert(text).inserted else { return }
        actions.append(.alarm(text))
    }

    private func refuseStopped(_ event: Event, into actions: inout [Action]) {
        switch event {
        case .requests(let requests):
            for request in requests { actions.append(.reply(request, .refused(.recovering))) }
        case .payment(_, _, let ticket), .cancel(_, let ticket):
            actions.append(.replyTo(ticket: ticket, .refused(.recovering)))
        default: break
        }
    }
}
