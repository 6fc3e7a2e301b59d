import TrancheAPI
import TrancheCore

/// The center's authority, and units and coordinators that have valid credentials and send any message.
enum CenterTarget {
    static func run(_ bytes: [UInt8]) {
        var (draw, now) = (Draw(bytes), TokenTarget.now)
        var (authority, records): (QuotaAuthority, [AuthorityRecord]) = (WireTarget.authority, [])
        var challenge: UInt64 = 0
        while !draw.isEmpty {
            now = now.advanced(milliseconds: Int64(draw.byte()) * 4)
            switch draw.byte() % 8 {
            case 0, 1:
                let message = self.request(&draw, challenge)
                guard (try? message.checkLimits()) != nil else { continue }
                let reply = authority.register(message, now: now, into: &records)
                if case .proofRequired(_, let number, _) = reply { challenge = number }
                do { try reply.checkLimits() } catch { fatalError("a unit would refuse the answer: \(error)") }
            case 2, 3, 4:
                let message = self.report(&draw)
                guard (try? message.checkLimits()) != nil else { continue }
                let reply = authority.report(message, now: now, into: &records)
                do { try reply.checkLimits() } catch { fatalError("a unit would refuse the answer: \(error)") }
            case 5:
                let message = QuotaCommands(epoch: draw.epoch(), decisions: self.decisions(&draw))
                guard (try? message.checkLimits()) != nil else { continue }
                _ = authority.carryOut(message.decisions, by: message.epoch, into: &records)
            case 6:
                let message = ContestCommand(epoch: draw.epoch(), batch: self.batch(&draw, now))
                guard (try? message.checkLimits()) != nil else { continue }
                _ = try? authority.record(draw.lot(), message.batch, by: message.epoch, now: now, into: &records)
            default: self.lead(&draw, &authority, now, &records)
            }
            self.judge(authority, now)
        }
    }

    private static func judge(_ authority: QuotaAuthority, _ now: Instant) {
        for lot in [LotID(1), LotID(2)] {
            precondition(authority.book.isConserved(lot), "the books do not add up")
            _ = authority.samples(lot, now: now)
            let stock = authority.contestStock(lot, isClosed: false, now: now)
            precondition((try? stock.checkLimits()) != nil, "a coordinator would refuse the stock")
        }
        for unit in authority.book.units.keys {
            let directives = authority.directives(for: unit, now: now)
            precondition((try? directives.checkLimits()) != nil, "a unit would refuse its directives")
        }
    }

    private static func lead(
        _ draw: inout Draw, _ authority: inout QuotaAuthority, _ now: Instant, _ records: inout [AuthorityRecord]
    ) {
        switch draw.byte() % 9 {
        case 0: _ = try? authority.lead(url: draw.flag() ? "http://c" : "http://d", now: now, into: &records)
        case 1:
            let address = CoordinatorAddress(epoch: draw.epoch(), url: "http://d")
            if (try? address.checkLimits()) != nil { _ = authority.hear(coordinator: address, now: now) }
        case 2:
            _ = try? authority.settle(
                draw.lot(), draw.unit(), draw.generation(), sold: draw.integer(), into: &records)
        case 3: _ = try? authority.move(draw.lot(), from: draw.unit(), to: draw.unit(), quantity: draw.integer())
        case 4: try? authority.issue(draw.lot(), quantity: draw.integer(), into: &records)
        case 5: _ = try? authority.grant(draw.lot(), to: draw.unit(), quantity: draw.integer(), into: &records)
        case 6: try? authority.strand(draw.unit(), reason: "a word", into: &records)
        case 7:
            let (from, to) = (draw.lot(), draw.lot())
            if from != to { _ = try? authority.carry([SecondRound.Pair(from: from, to: to)], into: &records) }
        default: try? authority.setDrained(draw.unit(), draw.flag(), into: &records)
        }
    }

    private static func request(_ draw: inout Draw, _ challenge: UInt64) -> RegisterRequest {
        RegisterRequest(
            unit: draw.unit(), ledger: LedgerID(7 + UInt64(draw.byte() % 2)), incarnation: draw.incarnation(),
            generation: draw.generation(), head: draw.head(), session: 9 + UInt64(draw.byte() % 2),
            hasGrants: draw.rarely(),
            answer: draw.flag()
                ? ChallengeAnswer(
                    challenge: draw.rarely() ? draw.number() : challenge, proof: draw.flag() ? draw.head() : nil,
                    earlier: draw.flag() ? [draw.head(), draw.head()] : []) : nil)
    }

    private static func report(_ draw: inout Draw) -> UnitReport {
        let lots = (0..<draw.below(3)).map { _ in
            let (granted, allocated) = (draw.limited(Limits.counter), draw.limited(Limits.counter))
            let sold = draw.limited(Limits.counter)
            return UnitReport.Lot(
                lot: draw.lot(),
                counters: QuotaCounters(
                    granted: granted, allocated: allocated, returned: draw.count(), sold: sold, cancelled: draw.count()),
                offered: draw.count(), starved: draw.count(), hintDone: draw.number(), isPrimed: true,
                paid: draw.count())
        }
        let earlier = (0..<draw.below(2)).map { _ in
            UnitReport.Earlier(lot: draw.lot(), generation: draw.generation(), live: draw.count())
        }
        return UnitReport(
            unit: draw.unit(), ledger: LedgerID(7 + UInt64(draw.byte() % 2)), incarnation: draw.incarnation(),
            generation: draw.generation(), session: 9 + UInt64(draw.byte() % 2), head: draw.head(),
            nonce: draw.number(),
            lots: lots, proves: UInt64(draw.byte() % 8), proof: draw.flag() ? draw.head() : nil, earlier: earlier)
    }

    private static func decisions(_ draw: inout Draw) -> [Rebalancer.Decision] {
        (0..<draw.below(4)).map { _ in
            switch draw.byte() % 3 {
            case 0: .grant(draw.lot(), draw.unit(), quantity: draw.count())
            case 1: .reclaim(draw.lot(), draw.unit(), keep: draw.limited(Limits.counter))
            default: .contend(draw.lot(), draw.terms())
            }
        }
    }

    private static func batch(_ draw: inout Draw, _ now: Instant) -> ContestBatch {
        let passed = (0..<draw.below(4)).map { _ in draw.entrant(now) }
        return ContestBatch(
            number: draw.rarely() ? draw.number() : 1 + UInt64(draw.byte() % 4), at: draw.instant(now),
            frontier: Place(stamp: draw.stamp(now), tie: draw.number()), passed: passed,
            allocated: passed.map(\.order).filter { _ in draw.flag() } + (draw.rarely() ? [draw.order()] : []),
            released: draw.rarely() ? [draw.order()] : [], waited: [draw.unit()])
    }

    static var seeds: [[UInt8]] {
        (0..<64 as Range<UInt8>).map { seed in (0..<200 as Range<UInt8>).map { $0 &* (seed &* 2 &+ 1) &+ seed } }
    }
}
