import TrancheAPI
import TrancheCore

/// A unit, and a center or a coordinator that has a valid credential and sends any message.
enum UnitTarget {
    private static let run = RedisRun(rawValue: 1)

    /// A center that sends any message; the coordinator and Redis behave correctly.
    static func center(_ bytes: [UInt8]) { self.run(bytes, contends: false) }

    /// A coordinator that sends any message.
    static func coordinator(_ bytes: [UInt8]) { self.run(bytes, contends: true) }

    private static func run(_ bytes: [UInt8], contends: Bool) {
        var (draw, now) = (Draw(bytes), TokenTarget.now)
        let unit = Unit(now: now)
        if contends { unit.handle(.directives(self.contended), now: now) }
        while !draw.isEmpty {
            now = now.advanced(milliseconds: Int64(draw.byte()) * 8)
            let event: UnitMachine.Event
            switch draw.byte() % 8 {
            case 0, 1: event = .requests((0...draw.below(3)).map { _ in self.request(&draw, now) })
            case 2: event = .tick
            case 3: event = .contestReportDue
            case 4: event = .reportDue(nonce: 1)
            default:
                guard let said = contends ? self.reportContest(&draw, now) : self.said(&draw) else { continue }
                event = said
            }
            unit.handle(event, now: now)
            for lot in [LotID(1), LotID(2)] {
                precondition(unit.machine.book[lot].isSound, "the unit's counters do not add up")
            }
        }
    }

    private static func request(_ draw: inout Draw, _ now: Instant) -> BuyRequest {
        BuyRequest(
            Purchase(
                order: draw.order(), buyer: BuyerID("b\(draw.byte() % 4)")!, lot: LotID(1), quantity: 1 + draw.below(2),
                issuedAt: now), stamp: Stamp(now), ticket: 1)
    }

    private static func directives(_ draw: inout Draw) -> QuotaDirectives {
        let lots = (0..<draw.below(3)).map { _ in
            QuotaDirectives.Lot(
                lot: draw.lot(), granted: draw.limited(Limits.counter),
                hint: draw.flag() ? ReclaimHint(number: draw.number(), keep: draw.limited(Limits.counter)) : nil,
                elsewhere: draw.limited(Limits.counter), contest: draw.rarely() ? draw.limited(Limits.counter) : nil)
        }
        return QuotaDirectives(
            epoch: draw.epoch(), unit: UnitID(1), generation: draw.generation(), lots: lots,
            coordinator: draw.flag() ? CoordinatorAddress(epoch: draw.epoch(), url: "http://c") : nil,
            witness: draw.rarely() ? draw.head() : nil)
    }

    private static func said(_ draw: inout Draw) -> UnitMachine.Event? {
        let directives = self.directives(&draw)
        let reply: RegisterReply
        switch draw.byte() % 8 {
        case 0: reply = .newGeneration(directives)
        case 1: reply = .proofRequired(position: draw.number(), challenge: draw.number(), earlier: [draw.number()])
        case 2: reply = draw.rarely() ? .superseded : .occupied
        case 3: reply = .accepted(directives)
        case 4 where draw.rarely(): return .registrationLost
        case 5 where draw.rarely(): return .registrationFailed
        default: return (try? directives.checkLimits()) == nil ? nil : .directives(directives)
        }
        return (try? reply.checkLimits()) == nil ? nil : .registered(reply)
    }

    private static func reportContest(_ draw: inout Draw, _ now: Instant) -> UnitMachine.Event? {
        let verdicts = (0..<draw.below(4)).map { _ in
            Verdict(
                order: draw.order(), kind: Verdict.Kind(rawValue: 1 + draw.byte() % 3)!, generation: draw.generation())
        }
        let lot = ContestReply.Lot(
            lot: draw.lot(), isTaken: !draw.rarely(), next: draw.rarely() ? draw.integer() : draw.below(8),
            allowance: draw.count(), from: draw.rarely() ? draw.integer() : draw.below(8), verdicts: verdicts,
            fence: draw.stamp(now), positions: draw.flag() ? [.init(order: draw.order(), ahead: draw.integer())] : nil,
            mayReturn: draw.count())
        let sent = ContestReplyEnvelope(
            reply: ContestReply(epoch: draw.epoch(), generation: draw.generation(), lots: [lot]),
            receivedAt: draw.instant(now), sentAt: draw.instant(now))
        guard let envelope = try? ContestWire.reply(ContestWire.encode(sent)) else { return nil }
        var check = ClockCheck()
        check.observe(.init(sent: now, received: envelope.receivedAt, answered: envelope.sentAt, heard: now))
        _ = check.state
        return .contestReply(envelope.reply)
    }

    private static let contended = QuotaDirectives(
        epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
        lots: [.init(lot: LotID(1), granted: 5, hint: nil, elsewhere: 3, contest: 10)],
        coordinator: CoordinatorAddress(epoch: Epoch(1), url: "http://c"))

    /// The machine with the rest of its process: a Redis that admits what it has, and a ledger that takes everything at once.
    private final class Unit: UnitShell {
        var machine: UnitMachine
        var clock = HybridClock(durableCeiling: .zero)
        var position: UInt64 = 1
        private var now: Instant
        private var events: [UnitMachine.Event] = []
        /// What each lot in Redis has left, and its sequence.
        var redis = RedisModel()

        init(now: Instant) {
            self.now = now
            var book = UnitBook()
            book.apply(.opened(Incarnation(1)))
            self.machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(7), session: 9, book: book, head: .empty)
            let rules = LotRules(
                lot: LotID(1), phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                paymentWindowMilliseconds: 1_000)
            let directives = QuotaDirectives(
                epoch: Epoch(1), unit: UnitID(1), generation: Generation(1),
                lots: [.init(lot: LotID(1), granted: 5, hint: nil, elsewhere: 3)])
            let survey = RedisSurvey(
                ledger: nil, witness: nil, run: UnitTarget.run)
            for event: UnitMachine.Event in [
                .configured([rules]), .started, .surveyed(survey), .registered(.accepted(directives)),
            ] { self.handle(event, now: now) }
        }

        func handle(_ first: UnitMachine.Event, now: Instant) {
            self.now = now
            self.events.append(first)
            while !self.events.isEmpty {
                var output = UnitOutput()
                self.machine.handle(self.events.removeFirst(), now: now, into: &output)
                output.carryOut(by: self)
            }
        }

        func send(_ steps: JoinedSteps) {
            self.events.append(.redisResults(steps.lotResults(self.redis.handle(steps))))
        }

        func commit(_ entries: [LedgerEntry]) throws(Never) {
            self.position += UInt64(entries.count)
            self.machine.committed(LedgerHead(position: self.position, digest: ChainDigest(high: 0, low: 1)))
        }

        func publish(_ publications: ArraySlice<Publication>) {}

        func perform(_ effect: UnitEffect) {
            switch effect {
            case .nextRound: self.events.append(.nextRound)
            case .prime(let prime):
                let result = self.redis.handle(prime, run: UnitTarget.run)
                self.events.append(.redisResult(lot: prime.lot, fence: prime.fence, result))
            case .fence(let fence):
                self.clock.advance(past: fence, now: self.now)
                if let ceiling = self.clock.ceilingWanted(now: self.now) { self.clock.raise(ceiling: ceiling) }
                _ = self.clock.stamp(now: self.now)
            case .register(let request):
                precondition((try? request.checkLimits()) != nil, "the center would refuse the registration")
            case .report(let report):
                precondition((try? report.checkLimits()) != nil, "the center would refuse the report")
            case .survey, .prove, .contestReport, .archive, .alarm, .stop, .askProvider, .refund: break
            }
        }
    }

    static var seeds: [[UInt8]] { CenterTarget.seeds }
}
