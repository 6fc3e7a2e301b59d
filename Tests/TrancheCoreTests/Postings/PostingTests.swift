import Testing
import TrancheCore

@Suite("Postings of a sale") struct PostingTests {
    private static let lots = Set(SaleHistory.lots)

    private func postings(_ history: SaleHistory, lots: Set<LotID> = Self.lots) -> ([Posting], PostingTotals) {
        var (postings, totals) = ([Posting](), PostingTotals())
        var log = LogPostings(lots: lots)
        for record in history.records { log.take(record, into: &postings) }
        for unit in SaleHistory.units {
            let entries = history.entries[unit] ?? []
            let refunds = entries.compactMap { entry -> OrderID? in
                if case .refundDue(let refund) = entry { refund.order } else { nil }
            }
            var ledger = LedgerPostings(unit: unit, lots: lots, refunds: Set(refunds))
            for (place, entry) in entries.enumerated() { ledger.take(entry, at: UInt64(place + 1), into: &postings) }
        }
        for posting in postings { totals.add(posting) }
        var ends: [Posting] = []
        log.end(totals, into: &ends)
        for posting in ends { totals.add(posting) }
        return (postings + ends, totals)
    }

    @Test(
        "the balances of random sales add up to nothing, and have every item once", arguments: 0..<200 as Range<UInt64>)
    func balancesOfRandomSalesAddUp(seed: UInt64) {
        let history = SaleHistory(seed: seed, steps: 400)
        let (_, totals) = self.postings(history)
        for lot in SaleHistory.lots {
            for measure in PostingMeasure.allCases { #expect(totals.sum(lot, measure) == 0) }
            #expect(PostingFigures(totals, lot) == history.figures[lot])
            let there = totals.accounts.filter {
                $0.lot == lot && $0.account.measure == .items && $0.account != .issued
            }
            #expect(there.reduce(0) { $0 + $1.sums.balance } == history.figures[lot]!.issued)
            #expect(there.allSatisfy { $0.sums.balance >= 0 })
        }
        let taken = SaleHistory.lots.reduce(0) { $0 + totals.quantity($1, .paymentTaken) }
        let refunds = SaleHistory.lots.reduce(0) { $0 + totals.quantity($1, .refundDue) }
        #expect(taken == history.payments)
        #expect(refunds == history.refunds)
    }

    @Test("the same facts give the same lines; another lot changes none of them, and a lot has its own only")
    func sameFactsGiveTheSameLines() {
        let history = SaleHistory(seed: 7, steps: 300)
        let (both, totals) = self.postings(history)
        let (again, totalsAgain) = self.postings(history)
        #expect(both == again)
        #expect(totals.csv == totalsAgain.csv)
        let (one, _) = self.postings(history, lots: [LotID(1)])
        #expect(one == both.filter { $0.lot == LotID(1) })
    }

    private static let order = Order(
        id: OrderID(high: 1, low: 2), buyer: BuyerID("ann")!, lot: LotID(1), quantity: 2, buyerLimit: 2,
        generation: Generation(1), stamp: Stamp(rawValue: 5), deadline: Instant(microseconds: 9))

    @Test("a posting names its fact: a record by number, an entry by the id of its webhook")
    func postingsNameTheirFact() {
        var postings: [Posting] = []
        var log = LogPostings(lots: Self.lots)
        log.take(.epoch(Epoch(1)), into: &postings)
        log.take(.issued(LotID(1), quantity: 5), into: &postings)
        var ledger = LedgerPostings(unit: UnitID(3), lots: Self.lots, refunds: [])
        ledger.take(.generation(Generation(2)), at: 1, into: &postings)
        ledger.take(.reserved(Self.order), at: 2, into: &postings)
        ledger.take(.confirmed(Self.order, payment: PaymentID("a,\"b\\")!), at: 3, into: &postings)
        #expect(
            postings.enumerated().map { $1.csv($0 + 1) } == [
                "1,1,issued,items,5,issued,pool,,,log:2",
                "2,1,reserved,items,2,quota:3:1,held:3,00000000000000010000000000000002,,3:2:2:0",
                "3,1,paid,items,2,held:3,paid:3,00000000000000010000000000000002,,3:2:3:0",
                "4,1,payment_taken,payments,1,received:3,taken:3,00000000000000010000000000000002,\"a,\"\"b\\\",3:2:3:0",
            ])
        #expect(
            postings[3].json(4)
                == #"{"posting":4,"lot":1,"kind":"payment_taken","measure":"payments","quantity":1,"from":"received:3","#
                + #""to":"taken:3","order":"00000000000000010000000000000002","payment":"a,\"b\\","source":"3:2:3:0"}"#)
    }

    @Test("an id of a payment that a spreadsheet would compute is text in the table, and as it is in JSON")
    func formulasAreText() {
        for (id, field) in [
            ("=1+1", "'=1+1"), ("@x", "'@x"), ("-2,5", "\"'-2,5\""), ("+4", "'+4"), ("'=1", "''=1"), ("a=1", "a=1"),
        ] {
            let posting = Posting(
                .paymentTaken, lot: LotID(1), from: .received(UnitID(1)), to: .taken(UnitID(1)), quantity: 1,
                source: .end, payment: PaymentID(id)!)
            #expect(posting.csv(1) == "1,1,payment_taken,payments,1,received:1,taken:1,,\(field),end")
            #expect(posting.json(1).contains("\"payment\":\"\(id)\""))
        }
    }

    @Test("what a settlement counted beyond the ledger stays visible, also if it counted too few")
    func settlementsBeyondTheLedgerAreVisible() {
        for (sold, balance) in [(3, 3), (0, -2)] {
            var (postings, totals) = ([Posting](), PostingTotals())
            var log = LogPostings(lots: [LotID(1)])
            let (unit, generation) = (UnitID(1), Generation(1))
            for record in [
                AuthorityRecord.issued(LotID(1), quantity: 9), .granted(LotID(1), unit, generation, total: 5),
                .stranded(unit, generation, reason: "test", witness: nil),
                .settled(LotID(1), unit, generation, sold: sold, byLedger: nil),
            ] { log.take(record, into: &postings) }
            if sold == 0 {
                var ledger = LedgerPostings(unit: unit, lots: [LotID(1)], refunds: [])
                ledger.take(.reserved(Self.order), at: 1, into: &postings)
            }
            for posting in postings { totals.add(posting) }
            var ends: [Posting] = []
            log.end(totals, into: &ends)
            for posting in ends { totals.add(posting) }
            #expect(totals.balance(LotID(1), .settled(unit, generation)) == balance)
            #expect(PostingFigures(totals, LotID(1)).settled == balance)
            #expect(totals.balance(LotID(1), .quota(unit, generation)) == 0)
            #expect(totals.sum(LotID(1), .items) == 0)
        }
    }

    @Test("carried items leave the books of one sale, and come into those of the other one, by the same record")
    func carriedItemsAreInBothBooks() {
        let records: [AuthorityRecord] = [
            .issued(LotID(1), quantity: 9), .carried([Carry(from: LotID(1), to: LotID(2), quantity: 4)]),
        ]
        for (lot, line) in [
            (LotID(1), "1,1,carried,items,4,pool,carried,,,log:2"),
            (LotID(2), "1,2,carried,items,4,issued,pool,,,log:2"),
        ] {
            var (postings, totals) = ([Posting](), PostingTotals())
            var log = LogPostings(lots: [lot])
            for record in records { log.take(record, into: &postings) }
            for posting in postings { totals.add(posting) }
            #expect(postings.last?.csv(1) == line)
            let figures = PostingFigures(totals, lot)
            #expect(totals.sum(lot, .items) == 0)
            #expect(figures.issued == (lot == LotID(1) ? 9 : 4))
            #expect(figures.pool == (lot == LotID(1) ? 5 : 4))
            #expect(figures.carried == (lot == LotID(1) ? 4 : 0))
        }
    }

    @Test("an account has one text, and no other text is an account") func accountsHaveOneText() {
        let (unit, generation) = (UnitID(65_535), Generation(7))
        for account in [
            PostingAccount.issued, .pool, .quota(unit, generation), .held(unit), .paid(unit),
            .stranded(unit, generation), .owed(unit, generation), .settled(unit, generation), .carried,
            .received(unit), .taken(unit), .refundDue(unit),
        ] { #expect(PostingAccount(account.description) == account) }
        for text in ["", "held", "held:01", "held:1:x", "held:1:1", "quota:1", "pool:1", "held:65536", "quota:1:1:1"] {
            #expect(PostingAccount(text) == nil)
        }
    }

    @Test("another count with another figure is named, with both") func differencesAreNamed() {
        var (mine, other) = (PostingFigures(), PostingFigures())
        (mine.paid, other.paid) = (3, 4)
        #expect(
            mine.differences(from: other, of: LotID(2), by: "verify")
                == ["lot 2: paid is 3 by the postings, and 4 by verify"])
        #expect(mine.differences(from: mine, of: LotID(2), by: "verify").isEmpty)
    }
}
