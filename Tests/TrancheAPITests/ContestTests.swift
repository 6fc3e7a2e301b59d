import Testing
import TrancheAPI
import TrancheCore

@Suite("Contest messages") struct ContestWireTests {
    static let report = ContestReport(
        unit: UnitID(3), generation: Generation(2), epoch: Epoch(7), isTrusted: true,
        lots: [
            .init(
                lot: LotID(1), base: 4,
                candidates: [
                    Candidate(
                        index: 4, order: OrderID(high: 1, low: UInt64.max), quantity: 2,
                        stamp: Stamp(rawValue: 1 << 63), uncertainty: 500)
                ], end: 5, watermark: Stamp(rawValue: 99), heard: 12),
            .init(lot: LotID(2), base: 0, candidates: [], end: 0, watermark: .zero, heard: 0),
        ])
    static let envelope = ContestReplyEnvelope(
        reply: ContestReply(
            epoch: Epoch(7), generation: Generation(2),
            lots: [
                .init(
                    lot: LotID(1), isTaken: true, next: 5, allowance: 9, from: 3,
                    verdicts: [Verdict(order: OrderID(high: 5, low: 6), kind: .waitlisted, generation: Generation(2))],
                    fence: Stamp(rawValue: 8), positions: [.init(order: OrderID(high: 5, low: 6), ahead: 412)],
                    mayReturn: 30), ContestReply.notTaken(LotID(2)),
            ]), receivedAt: Instant(microseconds: 10), sentAt: Instant(microseconds: 11))

    @Test("a written message is read back") func writtenMessagesAreRead() throws {
        #expect(try ContestWire.report(ContestWire.encode(Self.report)) == Self.report)
        let read = try ContestWire.reply(ContestWire.encode(Self.envelope))
        #expect(read.reply == Self.envelope.reply)
        #expect((read.receivedAt, read.sentAt) == (Self.envelope.receivedAt, Self.envelope.sentAt))
    }

    @Test("bytes that are cut, too long or changed give an error, never a crash") func damagedBytesGetAnError() {
        let (report, reply) = (ContestWire.encode(Self.report), ContestWire.encode(Self.envelope))
        for length in 0..<report.count {
            #expect(throws: Problem.self) { try ContestWire.report(Array(report.prefix(length))) }
        }
        for length in 0..<reply.count {
            #expect(throws: Problem.self) { try ContestWire.reply(Array(reply.prefix(length))) }
        }
        #expect(throws: Problem.self) { try ContestWire.report(report + [0]) }
        for place in report.indices {
            for value in [0, 0x7F, 0xFF] as [UInt8] {
                var changed = report
                changed[place] = value
                _ = try? ContestWire.report(changed)
            }
        }
        var other = report
        other[0] = 9
        let error = #expect(throws: Problem.self) { try ContestWire.report(other) }
        #expect(error?.code == "invalid_message")
        #expect(error?.detail.contains("version is 9") == true)
    }

    @Test("a list that is longer than its limit is refused before it is read") func longListsAreRefusedUnread() {
        var bytes = ContestWire.encode(
            ContestReport(unit: UnitID(1), generation: Generation(1), epoch: Epoch(1), isTrusted: true, lots: []))
        bytes.replaceSubrange((bytes.count - 4)..., with: [0xFF, 0xFF, 0xFF, 0xFF])
        let error = #expect(throws: Problem.self) { try ContestWire.report(bytes) }
        #expect(error?.detail.contains("at most \(Limits.lots)") == true)
    }

    @Test("tie keys follow from the secret, and the hash binds it") func tieKeysFollowFromSecret() {
        let (one, same, other) = (TieKey(secret: "a"), TieKey(secret: "a"), TieKey(secret: "b"))
        let order = OrderID(high: 1, low: 2)
        #expect(one(order) == same(order))
        #expect(one(order) != other(order))
        #expect(one(order) != one(OrderID(high: 1, low: 3)))
        #expect(TieKey.hash(of: "a") != TieKey.hash(of: "b"))
    }

    @Test(
        "impossible terms of a contest are refused",
        arguments: [
            (SaleConfig.Lot.Contest(when: .share), "contest.permille is missing"),
            (.init(when: .share, permille: 0), "contest.permille 0 is not in 1...1000"),
            (.init(waitlist: -1), "contest.waitlist -1 is not in 0...10000"),
            (.init(policy: .rounds, milliseconds: 0), "contest.milliseconds 0 is not in 1...10000"),
        ])
    func impossibleContestIsRefused(contest: SaleConfig.Lot.Contest, reason: String) {
        let lot = SaleConfig.Lot(
            id: LotID(1), name: "x", stock: 10, perBuyerLimit: 1, poolPermille: 0, contest: contest)
        let sale = SaleConfig.Sale(
            id: "s", name: "s", startsAtMilliseconds: 1, endsAtMilliseconds: 10, paymentWindowMilliseconds: 1_000,
            lots: [lot])
        let error = #expect(throws: Problem.self) { try SaleConfig(units: [], sales: [sale]).validate() }
        #expect(error?.code == "invalid_config")
        #expect(error?.detail.contains(reason) == true, "\(error?.detail ?? "")")
    }

    @Test("who waited has two minutes, or the payment window if that is shorter, unless the lot says otherwise")
    func claimWindows() throws {
        func config(_ payment: Int64, _ claim: Int64?) -> SaleConfig {
            var lot = SaleConfig.Lot(id: LotID(1), name: "x", stock: 10, perBuyerLimit: 1, poolPermille: 0)
            lot.claimWindowMilliseconds = claim
            let sale = SaleConfig.Sale(
                id: "s", name: "s", state: .open, startsAtMilliseconds: 1, endsAtMilliseconds: 10,
                paymentWindowMilliseconds: payment, lots: [lot])
            return SaleConfig(units: [], sales: [sale])
        }
        for (payment, claim, window) in [
            (300_000, nil, 120_000), (2_000, nil, 2_000), (300_000, 600_000, 600_000), (2_000, 100, 100),
        ] as [(Int64, Int64?, Int64)] {
            #expect(config(payment, claim).rules.map(\.claimWindowMilliseconds) == [window])
            try config(payment, claim).validate()
        }
        for claim: Int64 in [99, 86_400_001, -1] {
            let error = #expect(throws: Problem.self) { try config(300_000, claim).validate() }
            #expect(error?.detail.contains("claim window \(claim) ms is not in 100...86400000") == true)
        }
    }

    @Test("a reserved order that had waited is shown as offered") func offersAreShown() {
        let order = Order(
            id: OrderID(high: 1, low: 1), buyer: BuyerID("a")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: 7), deadline: Instant(microseconds: 9))
        let position = WaitlistPosition(ahead: 0, mayReturn: 0)
        #expect(OrderDocument(order, position).offered == true)
        #expect(OrderDocument(order).offered == nil)
        #expect(Array(OrderDocument.json(order, position).utf8) == JSON.encode(OrderDocument(order, position)))
    }

    @Test("without settings for contests, the last tenth or less is contested by stamp, with a waitlist")
    func defaultContestIsLastTenth() {
        let lot = SaleConfig.Lot(id: LotID(1), name: "x", stock: 5_000, perBuyerLimit: 1, poolPermille: 0)
        #expect(lot.contestStart == .whenScarce)
        #expect(lot.contestTerms == ContestTerms(policy: .stamp, waitlist: 500))
    }

    @Test("an order in a contest shows its place") func contestedOrderShowsItsPlace() throws {
        let order = Order(
            id: OrderID(high: 1, low: 1), buyer: BuyerID("a")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), state: .contested, stamp: Stamp(rawValue: 7), deadline: .distantFuture)
        func read(_ standing: WaitlistPosition?) throws -> OrderDocument {
            try JSON.decode(OrderDocument.self, from: OrderDocument.json(order, standing).utf8)
        }
        #expect(try read(nil).state == "contested")
        let placed = try read(WaitlistPosition(ahead: 412, mayReturn: 30))
        #expect((placed.state, placed.ahead, placed.mayReturn) == ("waitlisted", 412, 30))
        #expect(placed.deadlineMicroseconds == nil)
    }
}
