import TrancheAPI
import TrancheCore

/// Messages as units, center and coordinator send them, with values of a usual length.
enum PaperMessages {
    static let now = Instant(milliseconds: 1_700_000_000_000)

    static func contestHead(_ unit: Int, secret: String, bytes: Int) -> String {
        "POST /internal/v1/units/\(unit)/contest HTTP/1.1\r\nHost: coordinator\r\n"
            + "Content-Type: \(ContestWire.contentType)\r\nAuthorization: Bearer \(secret)\r\n"
            + "Content-Length: \(bytes)\r\n\r\n"
    }

    static func heartbeat(secret: String) -> String {
        let body = JSON.encode(self.leader)
        return "POST /internal/v1/coordinators/heartbeat HTTP/1.1\r\nHost: center\r\nContent-Type: application/json\r\n"
            + "Authorization: Bearer \(secret)\r\nContent-Length: \(body.count)\r\n\r\n"
            + String(decoding: body, as: UTF8.self)
    }

    private static let leader = CoordinatorAddress(epoch: Epoch(2), url: "http://coordinator.internal:7001")

    static func contestReport(_ unit: Int, epoch: Epoch, base: Int, count: Int) -> ContestReport {
        let watermark = self.now.advanced(milliseconds: Int64(base + 1))
        let candidates = (0..<count).map { index in
            Candidate(
                index: base + index, order: OrderID(high: UInt64(unit), low: UInt64(base + index)), quantity: 1,
                stamp: Stamp(Instant(microseconds: watermark.microseconds - 900 + Int64(index * 3 + unit % 3))),
                uncertainty: 500)
        }
        let lot = ContestReport.Lot(
            lot: LotID(1), base: base, candidates: candidates, end: base + count, watermark: Stamp(watermark),
            heard: base)
        return ContestReport(
            unit: UnitID(UInt16(unit)), generation: Generation(1), epoch: epoch, isTrusted: true, lots: [lot],
            sentAt: watermark)
    }

    /// A coordinator's answer with a verdict for each of `count` orders.
    static func contestReply(count: Int) -> ContestReplyEnvelope {
        let verdicts = (0..<count).map {
            Verdict(order: OrderID(high: 1, low: UInt64($0)), kind: .allocated, generation: Generation(1))
        }
        let lot = ContestReply.Lot(
            lot: LotID(1), isTaken: true, next: count, allowance: 20_000, from: 0, verdicts: verdicts,
            fence: Stamp(self.now), positions: nil, mayReturn: 10_000)
        return ContestReplyEnvelope(
            reply: ContestReply(epoch: Epoch(1), generation: Generation(1), lots: [lot]), receivedAt: self.now,
            sentAt: self.now)
    }

    /// The center's answer to a report about `lots` lots.
    static func directives(lots: Int) -> ReportReply {
        .directives(
            QuotaDirectives(
                epoch: Epoch(3), unit: UnitID(50), generation: Generation(1),
                lots: (1...UInt32(lots)).map {
                    .init(lot: LotID($0), granted: 100_000, hint: nil, elsewhere: 1_000_000)
                }, coordinator: self.leader,
                witness: LedgerHead(position: 5_000_000, digest: ChainDigest(high: .max / 3, low: .max / 5))))
    }

    /// What the leading coordinator reads in each round of a busy sale, in which every lot has changed.
    static func quota(units: Int, lots: Int) -> LeaderQuota {
        let samples = (1...units).map { number in
            Rebalancer.Sample(
                unit: UnitID(UInt16(number)), available: 40_000, offered: 400_000, starved: 0, heardAt: self.now,
                isLive: true)
        }
        let all = (1...UInt32(lots)).map { lot in
            LeaderQuota.Lot(
                lot: LotID(lot), issued: 10_000_000, pool: 1_000_000, isFrozen: false,
                available: samples.map(\.available), samples: samples, contestStart: .whenScarce,
                contestTerms: ContestTerms(policy: .stamp, waitlist: 10_000), contest: nil)
        }
        var sent = SentValues<LotID, LeaderQuota.Lot>(after: 3 << 32)
        let message = sent.send(Dictionary(uniqueKeysWithValues: all.map { ($0.lot, $0) }), heldBy: nil)
        let names = (1...units).map { LeaderQuota.Unit(id: UnitID(UInt16($0)), name: "unit-\($0)", heardAt: self.now) }
        return LeaderQuota(message, now: self.now, units: names)
    }
}
