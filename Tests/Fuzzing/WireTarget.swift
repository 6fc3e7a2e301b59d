import TrancheAPI
import TrancheCore

/// Messages between processes: each one is decoded, and then carried out by the real machines.
enum WireTarget {
    static let unit = UnitID(1)
    static let lot = LotID(1)
    static let now = TokenTarget.now

    static func run(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch kind % 11 {
        case 0: if let message = try? JSON.decode(UnitReport.self, from: rest) { self.report(message) }
        case 1: if let message = try? JSON.decode(RegisterRequest.self, from: rest) { self.register(message) }
        case 2: if let message = try? ContestWire.report(rest) { self.merge(message) }
        case 3: if let message = try? ContestWire.reply(rest) { self.feed(.contestReply(message.reply)) }
        case 4:
            guard let message = try? JSON.decode(QuotaDirectives.self, from: rest) else { return }
            if (try? message.checkLimits()) != nil { self.feed(.directives(message)) }
        case 5: if let message = try? JSON.decode(ContestCommand.self, from: rest) { self.contest(message) }
        case 7: if let message = try? ContestPageWire.page(rest) { self.read(message) }
        case 8:
            guard let message = try? ContestPageWire.verdicts(rest) else { return }
            precondition(
                (try? ContestPageWire.verdicts(ContestPageWire.encode(message))) == message, "a copy differs")
        case 9:
            guard let message = try? QuotaWire.report(rest) else { return }
            precondition(
                (try? QuotaWire.report(QuotaWire.encode(message)))?.report == message.report, "a copy differs")
            self.report(message.report)
        case 10:
            guard let message = try? QuotaWire.reply(rest) else { return }
            precondition((try? QuotaWire.reply(QuotaWire.encode(message))) == message, "a copy differs")
            if case .directives(let directives) = message { self.feed(.directives(directives)) }
        default:
            guard let message = try? JSON.decode(RegisterReply.self, from: rest) else { return }
            if (try? message.directives?.checkLimits()) != nil || message.directives == nil {
                self.feed(.registered(message))
            }
        }
    }

    // MARK: the center

    /// A center with a contended lot and a unit that has registered.
    static let authority = makeAuthority()
    private static func makeAuthority() -> QuotaAuthority {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        _ = authority.register(self.request, now: self.now, into: &records)
        try? authority.issue(self.lot, quantity: 100, into: &records)
        _ = try? authority.grant(self.lot, to: self.unit, quantity: 40, into: &records)
        _ = try? authority.lead(url: "http://c", now: self.now, into: &records)
        return authority
    }
    static let contended = makeContended()
    private static func makeContended() -> QuotaAuthority {
        var authority = self.authority
        var records: [AuthorityRecord] = []
        _ = try? authority.contend(self.lot, ContestTerms(policy: .stamp, waitlist: 5), into: &records)
        return authority
    }
    static let request = RegisterRequest(
        unit: unit, ledger: LedgerID(7), incarnation: Incarnation(1), generation: Generation(1), head: .empty,
        session: 9,
        answer: nil)

    private static func report(_ message: UnitReport) {
        guard (try? message.checkLimits()) != nil else { return }
        var (authority, records): (QuotaAuthority, [AuthorityRecord]) = (self.authority, [])
        _ = authority.report(message, now: self.now, into: &records)
        _ = authority.directives(for: self.unit, now: self.now)
        _ = authority.samples(self.lot, now: self.now)
        _ = authority.contestStock(self.lot, isClosed: false, now: self.now)
        precondition(authority.book.isConserved(self.lot), "the books do not add up")
    }

    private static func register(_ message: RegisterRequest) {
        var (authority, records): (QuotaAuthority, [AuthorityRecord]) = (self.authority, [])
        _ = authority.register(message, now: self.now, into: &records)
        precondition(authority.book.isConserved(self.lot), "the books do not add up")
    }

    private static func contest(_ message: ContestCommand) {
        var (authority, records): (QuotaAuthority, [AuthorityRecord]) = (self.contended, [])
        _ = try? authority.record(self.lot, message.batch, by: message.epoch, now: self.now, into: &records)
        precondition(authority.book.isConserved(self.lot), "the books do not add up")
    }

    // MARK: the coordinator

    private static func merge(_ message: ContestReport) {
        precondition(
            (try? ContestWire.report(ContestWire.encode(message))) == message, "a copy of the report differs")
        var merge = ContestMerge(
            lot: self.lot, book: ContestBook(terms: ContestTerms(policy: .stamp, waitlist: 5)), now: self.now,
            tie: { $0.low })
        merge.observe(.init(batches: 0, pool: 3, mayReturn: 2, isClosed: false, members: [self.unit: Generation(1)]))
        for lot in message.lots {
            merge.receive(
                lot, from: message.unit, generation: message.generation, isTrusted: message.isTrusted, now: self.now)
        }
        _ = merge.reply(to: message.unit, generation: message.generation, heard: 0, now: self.now)
        _ = merge.decide(now: self.now.advanced(milliseconds: 1_000))
    }

    private static func read(_ message: ContestPageEnvelope) {
        precondition(
            (try? ContestPageWire.page(ContestPageWire.encode(message))) == message, "a copy of the page differs")
        var reading = ContestReading(message.page.head.lot, for: message.page.head.epoch)
        guard (try? reading.take(message.page)) != nil, let book = reading.finished else { return }
        let again = book.page(
            message.page.head.lot, for: message.page.head.epoch, from: 0, limit: Limits.itemsPerPage)
        precondition(Set(again.items) == Set(message.page.items), "the book has not the items of its page")
        var merge = ContestMerge(lot: self.lot, book: book, now: self.now, tie: { $0.low })
        merge.observe(
            .init(
                batches: book.batches, pool: 3, mayReturn: 2, isClosed: false, members: [self.unit: Generation(1)]))
        _ = merge.missing(self.unit, heard: 0)
        _ = merge.reply(to: self.unit, generation: Generation(1), heard: 0, now: self.now)
        _ = merge.decide(now: self.now.advanced(milliseconds: 1_000))
    }

    // MARK: the unit

    /// A unit that sells the lot, with one contested order.
    static let machine = makeMachine()
    private static func makeMachine() -> UnitMachine {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        var machine = UnitMachine(unit: self.unit, ledger: LedgerID(7), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        let rules = LotRules(
            lot: self.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
            paymentWindowMilliseconds: 1_000)
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: self.unit, generation: Generation(1),
            lots: [.init(lot: self.lot, granted: 5, hint: nil, elsewhere: 3, contest: 10)],
            coordinator: CoordinatorAddress(epoch: Epoch(1), url: "http://c"))
        for event: UnitMachine.Event in [
            .configured([rules]), .started, .surveyed(nil), .registered(.accepted(directives)),
            .requests([
                BuyRequest(
                    Purchase(
                        order: OrderID(high: 1, low: 2), buyer: BuyerID("b")!, lot: self.lot, quantity: 1,
                        issuedAt: self.now),
                    stamp: Stamp(self.now), ticket: 1)
            ]), .contestReportDue,
        ] { machine.handle(event, now: self.now, into: &output) }
        return machine
    }

    private static func feed(_ event: UnitMachine.Event) {
        var (machine, output) = (self.machine, UnitOutput())
        for event in [event, .tick, .reportDue(nonce: 1), .contestReportDue] {
            machine.handle(event, now: self.now, into: &output)
        }
        precondition(machine.book[self.lot].isSound, "the unit's counters do not add up")
    }

    // MARK: seeds

    static var seeds: [[UInt8]] {
        let counters = QuotaCounters(granted: 40, returned: 3, sold: 9, cancelled: 2)
        let head = LedgerHead(position: 12, digest: ChainDigest(high: 1, low: 2))
        let report = UnitReport(
            unit: self.unit, ledger: LedgerID(7), incarnation: Incarnation(1), generation: Generation(1), session: 9,
            head: head, nonce: 5,
            lots: [
                .init(lot: self.lot, counters: counters, offered: 20, starved: 1, hintDone: 3, isPrimed: true, paid: 4)
            ])
        let answered = RegisterRequest(
            unit: self.unit, ledger: LedgerID(8), incarnation: Incarnation(2), generation: Generation(1), head: head,
            session: 10, answer: ChallengeAnswer(challenge: 1, proof: head))
        let directives = QuotaDirectives(
            epoch: Epoch(1), unit: self.unit, generation: Generation(2),
            lots: [.init(lot: self.lot, granted: 60, hint: ReclaimHint(number: 5, keep: 3), elsewhere: 2, contest: 9)],
            coordinator: CoordinatorAddress(epoch: Epoch(2), url: "http://c"))
        let envelope = ReportEnvelope(
            report: report, configVersion: 3, clock: ClockDocument(ClockCheck(), refusedFences: 0),
            load: LoadFigures(capacityPerSecond: 20_000, waitingMilliseconds: 1, cpuPermille: 300))
        return [
            [9] + QuotaWire.encode(envelope), [10] + QuotaWire.encode(.directives(directives)),
            [0] + JSON.encode(report), [1] + JSON.encode(self.request), [1] + JSON.encode(answered),
            [2] + ContestWire.encode(self.contestReport), [3] + ContestWire.encode(self.contestReply),
            [4] + JSON.encode(directives), [5] + JSON.encode(self.command),
            [6] + JSON.encode(RegisterReply.newGeneration(directives)),
            [6] + JSON.encode(RegisterReply.proofRequired(position: 1, challenge: 2, earlier: [3])),
            [7] + ContestPageWire.encode(ContestPageEnvelope(page: self.page, tieSecret: "secret")),
            [8]
                + ContestPageWire.encode(
                    VerdictPage(
                        lot: self.lot, unit: self.unit, from: 0,
                        verdicts: [
                            Verdict(order: OrderID(high: 1, low: 2), kind: .released, generation: Generation(1))
                        ])),
        ]
    }

    private static var page: ContestPage {
        var book = ContestBook(terms: ContestTerms(policy: .rounds(milliseconds: 50), waitlist: 5))
        book.apply(self.command.batch)
        return book.page(self.lot, for: Epoch(1), from: 0)
    }

    private static let candidate = Candidate(
        index: 0, order: OrderID(high: 1, low: 2), quantity: 1, stamp: Stamp(now), uncertainty: 500)
    private static let contestReport = ContestReport(
        unit: unit, generation: Generation(1), epoch: Epoch(1), isTrusted: true,
        lots: [.init(lot: lot, base: 0, candidates: [candidate], end: 1, watermark: Stamp(now), heard: 0)])
    private static let contestReply = ContestReplyEnvelope(
        reply: ContestReply(
            epoch: Epoch(1), generation: Generation(1),
            lots: [
                .init(
                    lot: lot, isTaken: true, next: 1, allowance: 5, from: 0,
                    verdicts: [Verdict(order: OrderID(high: 1, low: 2), kind: .allocated, generation: Generation(1))],
                    fence: Stamp(now), positions: [.init(order: OrderID(high: 1, low: 2), ahead: 1)], mayReturn: 2)
            ]), receivedAt: now, sentAt: now)
    private static let command = ContestCommand(
        epoch: Epoch(1),
        batch: ContestBatch(
            number: 1, at: now, frontier: Place(stamp: Stamp(now), tie: 1),
            passed: [
                .init(
                    order: OrderID(high: 1, low: 2), unit: unit, generation: Generation(1), quantity: 1,
                    place: Place(stamp: Stamp(now), tie: 1), stamp: Stamp(now), uncertainty: 500, isLate: false,
                    index: 0),
                .init(
                    order: OrderID(high: 1, low: 3), unit: unit, generation: Generation(1), quantity: 1,
                    place: Place(stamp: Stamp(now), tie: 2), stamp: Stamp(now), uncertainty: 500, isLate: true,
                    index: nil),
            ], allocated: [OrderID(high: 1, low: 2)], released: [], waited: [unit]))
}
