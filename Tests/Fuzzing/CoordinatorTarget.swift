import TrancheAPI
import TrancheCore

/// A coordinator, and units and a center that have valid credentials and send any message: the rebalancer, the judge of
/// clocks, and the merge.
enum CoordinatorTarget {
    private struct Coordinator {
        var rebalancer = Rebalancer()
        var clocks = ClockJudge()
        var merge: ContestMerge
        /// Not in the log yet.
        var pending: ContestBatch?
        var answeredAt = Instant.distantPast
    }

    static func run(_ bytes: [UInt8]) {
        var (draw, now) = (Draw(bytes), TokenTarget.now)
        var book = ContestBook(terms: draw.terms())
        for _ in 0..<(draw.rarely() ? 3 : 0) {
            let command = ContestCommand(epoch: Epoch(1), batch: self.batch(&draw, now))
            if (try? command.checkLimits()) != nil { book.apply(command.batch) }
        }
        guard let read = self.read(book, items: 1 + draw.below(8)) else { return }
        var coordinator = Coordinator(
            merge: ContestMerge(lot: LotID(1), book: read, now: now, tie: { $0.low }))
        while !draw.isEmpty {
            now = now.advanced(milliseconds: Int64(draw.byte()))
            switch draw.byte() % 6 {
            case 0: self.look(&draw, &coordinator, now)
            case 1: self.observe(&draw, &coordinator, now)
            case 2: self.commit(&draw, &coordinator, now)
            default: self.hear(&draw, &coordinator, now)
            }
        }
    }

    /// The book as a new leader gets it: in pages of some items, over the wire.
    private static func read(_ book: ContestBook, items: Int) -> ContestBook? {
        var reading = ContestReading(LotID(1), for: Epoch(1))
        while reading.finished == nil {
            let page = book.page(LotID(1), for: Epoch(1), from: reading.next, limit: items)
            let bytes = ContestPageWire.encode(ContestPageEnvelope(page: page, tieSecret: "a"))
            guard let envelope = try? ContestPageWire.page(bytes), (try? reading.take(envelope.page)) != nil else {
                return nil
            }
        }
        return reading.finished
    }

    private static func batch(_ draw: inout Draw, _ now: Instant) -> ContestBatch {
        let passed = (0..<draw.below(4)).map { _ in draw.entrant(now) }
        return ContestBatch(
            number: draw.number(), at: now, frontier: Place(stamp: draw.stamp(now), tie: draw.number()), passed: passed,
            allocated: [], released: [], waited: [])
    }

    /// The center's figures of a lot that is sold locally.
    private static func look(_ draw: inout Draw, _ coordinator: inout Coordinator, _ now: Instant) {
        let samples = (1...3 as ClosedRange<UInt16>).map { unit in
            Rebalancer.Sample(
                unit: UnitID(unit), available: draw.limited(Limits.counter), offered: draw.limited(Limits.counter),
                starved: draw.limited(Limits.counter), heardAt: draw.instant(now), isLive: !draw.rarely())
        }
        let start: ContestStart =
            switch draw.byte() % 3 {
            case 0: .whenScarce
            case 1: .atShare(permille: draw.count())
            default: .never
            }
        let lot = LeaderQuota.Lot(
            lot: LotID(1), issued: draw.limited(Limits.counter), pool: draw.limited(Limits.counter), isFrozen: false,
            available: samples.map { _ in draw.limited(Limits.counter) }, samples: samples, contestStart: start,
            contestTerms: draw.terms(), contest: nil)
        var sent = SentValues<LotID, LeaderQuota.Lot>(after: 0)
        let message = LeaderQuota(
            sent.send([lot.lot: lot], heldBy: nil), now: draw.instant(now),
            units: samples.map { .init(id: $0.unit, name: "unit", heardAt: $0.heardAt) })
        guard (try? message.checkLimits()) != nil else { return }
        var quota = KnownQuota()
        quota.take(message)
        let decisions = coordinator.rebalancer.round(quota.stock(lot), now: quota.now)
        let command = QuotaCommands(epoch: Epoch(1), decisions: decisions)
        precondition((try? command.checkLimits()) != nil, "the center would refuse the commands")
        var granted = 0
        for case .grant(_, _, let quantity) in decisions { granted += quantity }
        precondition(granted <= lot.pool, "more is granted than the pool has")
    }

    private static func observe(_ draw: inout Draw, _ coordinator: inout Coordinator, _ now: Instant) {
        let members = (1...3 as ClosedRange<UInt16>).filter { _ in !draw.rarely() }.map {
            (UnitID($0), draw.generation())
        }
        let stock = ContestMerge.Stock(
            batches: draw.rarely() ? draw.number() : coordinator.merge.book.batches, pool: draw.limited(Limits.counter),
            coming: draw.limited(Limits.counter), mayReturn: draw.count(), isClosed: draw.rarely(),
            isFrozen: draw.rarely(), members: Dictionary(uniqueKeysWithValues: members))
        if (try? stock.checkLimits()) != nil { coordinator.merge.observe(stock) }
    }

    private static func commit(_ draw: inout Draw, _ coordinator: inout Coordinator, _ now: Instant) {
        guard let batch = coordinator.pending else {
            coordinator.pending = coordinator.merge.decide(now: now)
            guard let batch = coordinator.pending else { return }
            let command = ContestCommand(epoch: Epoch(1), batch: batch)
            do { try command.checkLimits() } catch {
                preconditionFailure("the center would refuse the batch: \(error)")
            }
            return
        }
        let ack = ContestAck(
            pool: draw.limited(Limits.counter), coming: draw.limited(Limits.counter), mayReturn: draw.count())
        guard (try? ack.checkLimits()) != nil else { return }
        coordinator.merge.committed(batch.number, pool: ack.pool, coming: ack.coming, mayReturn: ack.mayReturn)
        coordinator.pending = nil
    }

    private static func hear(_ draw: inout Draw, _ coordinator: inout Coordinator, _ now: Instant) {
        let candidates = (0..<draw.below(5)).map { place in
            Candidate(
                index: draw.rarely() ? draw.integer() : place + draw.below(8), order: draw.order(),
                quantity: max(1, draw.limited(Limits.quantityPerOrder)), stamp: draw.stamp(now),
                uncertainty: Int64(draw.count()))
        }
        let lot = ContestReport.Lot(
            lot: LotID(1), base: draw.rarely() ? draw.integer() : draw.below(8), candidates: candidates,
            end: draw.rarely() ? draw.integer() : draw.below(16), watermark: draw.stamp(now), heard: draw.count())
        let sent = ContestReport(
            unit: draw.unit(), generation: draw.generation(), epoch: draw.epoch(), isTrusted: !draw.rarely(),
            lots: [lot],
            sentAt: draw.instant(now),
            echo: draw.flag()
                ? .init(sentAt: draw.rarely() ? draw.instant(now) : coordinator.answeredAt, heardAt: draw.instant(now))
                : nil)
        guard let report = try? ContestWire.report(ContestWire.encode(sent)) else { return }
        // Its own clocks: set now and then, and no nonsense.
        let step: Int64 = draw.rarely() ? -3_600_000 : 0
        coordinator.clocks.observe(wall: now.advanced(milliseconds: step), monotonic: now)
        let isTrusted = coordinator.clocks.isTrusted(
            report.unit, echo: report.echo, sentAt: report.sentAt, receivedAt: now)
        coordinator.merge.receive(
            report.lots[0], from: report.unit, generation: report.generation, isTrusted: isTrusted && report.isTrusted,
            now: now)
        if let from = coordinator.merge.missing(report.unit, heard: report.lots[0].heard) {
            coordinator.merge.recall(
                [Verdict(order: draw.order(), kind: .waitlisted, generation: draw.generation())], of: report.unit,
                from: draw.rarely() ? draw.integer() : from)
        }
        let answer = coordinator.merge.reply(
            to: report.unit, generation: report.generation, heard: report.lots[0].heard, now: now)
        coordinator.clocks.answered(report.unit, at: now)
        coordinator.answeredAt = now
        let envelope = ContestReplyEnvelope(
            reply: ContestReply(epoch: Epoch(1), generation: report.generation, lots: [answer]), receivedAt: now,
            sentAt: now)
        precondition(
            (try? ContestWire.reply(ContestWire.encode(envelope))) != nil, "a unit would refuse the answer")
    }

    static var seeds: [[UInt8]] { CenterTarget.seeds }
}
