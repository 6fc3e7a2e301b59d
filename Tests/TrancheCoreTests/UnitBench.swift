import Testing
import TrancheCore

/// A unit's machine with a Redis that answers at once, and a ledger that takes everything.
final class Bench {
    var machine: UnitMachine
    var redis = RedisModel()
    var entries: [LedgerEntry] = []
    var replies: [(request: BuyRequest, answer: Answer)] = []
    var others: [Answer] = []
    var reports: [UnitReport] = []
    var alarms: [String] = []
    var stops: [String] = []
    var registrations = 0
    /// Lots whose orders the machine wants archived.
    var archives: [LotID] = []
    /// Questions of the center that were answered.
    var answered: [UInt64] = []
    /// By a clock that never steps.
    var steady: Instant?
    var contestReports: [ContestReport] = []
    var now = Instant(milliseconds: 1_700_000_000_000)
    var count: UInt64 = 0
    var steps: [RedisStep] = []
    /// Calls to Redis with these steps.
    var calls = 0
    /// Orders that the front desk would answer with.
    var changed: [Order] = []
    /// Requests whose order waits for Redis.
    var withheld: [BuyRequest] = []
    /// Whether steps get an answer.
    var redisAnswers = true
    /// What the provider was asked, and what it has to give back.
    var questions: [ProviderQuestion] = []
    var refunds: [Refund] = []
    private var events: [UnitMachine.Event] = []

    static let lot = LotID(1)
    static let run = RedisRun(rawValue: 1)
    /// The ledger's digests, as it answers a survey.
    var proofs: (UInt64) -> LedgerHead? = { Bench.head($0) }

    static func head(_ position: UInt64) -> LedgerHead {
        position == 0 ? .empty : LedgerHead(position: position, digest: ChainDigest(high: 0, low: position))
    }

    init(
        granted: Int, limit: Int = 2, windowMilliseconds: Int64 = 1_000, issued: Int? = nil, price: Money = .none,
        provider: ProviderTerms? = nil
    ) {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        var settings = UnitMachine.Settings()
        settings.provider = provider
        self.machine = UnitMachine(
            unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty, settings: settings)
        self.start(granted: granted, limit: limit, windowMilliseconds: windowMilliseconds, issued: issued, price: price)
    }

    /// A process on a ledger that exists; ``start(granted:limit:windowMilliseconds:issued:)`` follows.
    init(book: UnitBook, provider: ProviderTerms? = nil) {
        var settings = UnitMachine.Settings()
        settings.provider = provider
        self.machine = UnitMachine(
            unit: UnitID(1), ledger: LedgerID(3), session: 10, book: book, head: .empty, settings: settings)
    }

    func start(
        granted: Int, limit: Int = 2, windowMilliseconds: Int64 = 1_000, issued: Int? = nil, price: Money = .none
    ) {
        let rules = LotRules(
            lot: Self.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: limit,
            paymentWindowMilliseconds: windowMilliseconds, issued: issued, price: price)
        self.feed(.configured([rules]))
        self.feed(.started)
        self.feed(.registered(.accepted(self.directives(granted: granted))))
    }

    func directives(
        granted: Int, elsewhere: Int = 0, hint: ReclaimHint? = nil, epoch: UInt64 = 1, contest: Int? = nil
    ) -> QuotaDirectives {
        QuotaDirectives(
            epoch: Epoch(epoch), unit: UnitID(1), generation: Generation(1),
            lots: [.init(lot: Self.lot, granted: granted, hint: hint, elsewhere: elsewhere, contest: contest)],
            coordinator: CoordinatorAddress(epoch: Epoch(1), url: "c"))
    }

    /// The coordinator's reply about the lot.
    func hear(_ verdicts: [(OrderID, Verdict.Kind)], next: Int, allowance: Int, from: Int = 0) {
        self.feed(.contestReportDue)
        let lot = ContestReply.Lot(
            lot: Self.lot, isTaken: true, next: next, allowance: allowance, from: from,
            verdicts: verdicts.map { Verdict(order: $0.0, kind: $0.1, generation: Generation(1)) }, fence: .zero,
            positions: nil, mayReturn: 0)
        self.feed(.contestReply(ContestReply(epoch: Epoch(1), generation: Generation(1), lots: [lot])))
    }

    func feed(_ event: UnitMachine.Event) {
        self.events.append(event)
        while !self.events.isEmpty {
            var output = UnitOutput()
            let moment = Moment(wall: self.now, steady: self.steady ?? self.now)
            self.machine.handle(self.events.removeFirst(), at: moment, into: &output)
            output.carryOut(by: self)
        }
    }

    /// One buyer's request, and the answer to it, if there is one.
    @discardableResult
    func buy(
        _ buyer: String, quantity: Int = 1, order: OrderID? = nil, reference: OrderReference? = nil
    ) -> Answer? {
        self.count += 1
        let request = BuyRequest(
            Purchase(
                order: order ?? OrderID(high: self.count, low: self.count), buyer: BuyerID(buyer)!, lot: Self.lot,
                quantity: quantity, issuedAt: self.now, reference: reference),
            stamp: Stamp(rawValue: Stamp(self.now).rawValue + self.count),
            ticket: self.count)
        self.feed(.requests([request]))
        return self.replies.last { $0.request.ticket == request.ticket }?.answer
    }

    var counters: QuotaCounters { self.machine.book[Self.lot] }
}

extension Bench: UnitShell {
    func send(_ steps: JoinedSteps) {
        self.steps += steps.steps
        self.calls += 1
        guard self.redisAnswers else { return }
        self.events.append(.redisResults(steps.lotResults(self.redis.handle(steps))))
    }

    func commit(_ entries: [LedgerEntry]) throws(Never) {
        self.entries += entries
        self.machine.committed(Self.head(UInt64(self.entries.count)))
    }

    func publish(_ publications: ArraySlice<Publication>) {
        for publication in publications {
            switch publication {
            case .answer(let request, let answer): self.replies.append((request, answer))
            case .answerTicket(_, let answer): self.others.append(answer)
            case .withheld(let request): self.withheld.append(request)
            case .changed(let order): self.changed.append(order)
            case .waitlisted, .soldOut, .recovered, .archived, .branched: break
            }
        }
    }

    func perform(_ effect: UnitEffect) {
        switch effect {
        case .nextRound: self.events.append(.nextRound)
        case .prime(let prime):
            let result = self.redis.handle(prime, run: Self.run)
            self.events.append(.redisResult(lot: prime.lot, fence: prime.fence, result))
        case .report(let report):
            self.reports.append(report)
            self.machine.reported(report.head)
        case .alarm(let text): self.alarms.append(text)
        case .stop(let reason): self.stops.append(reason)
        case .register: self.registrations += 1
        case .contestReport(let report): self.contestReports.append(report)
        case .prove(_, let challenge, _): self.answered.append(challenge)
        case .survey:
            var survey = self.redis.survey(run: Self.run)
            survey.proof = survey.witness.flatMap { self.proofs($0.position) }
            self.events.append(.surveyed(survey))
        case .askProvider(let question): self.questions.append(question)
        case .refund(let refund): self.refunds.append(refund)
        case .archive(let lot): self.archives.append(lot)
        case .fence: break
        }
    }
}

extension Answer {
    var order: Order? { if case .order(let order) = self { order } else { nil } }
}
