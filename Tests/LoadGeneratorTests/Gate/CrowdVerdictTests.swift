import LoadGenerator
import Testing
import TrancheCore

/// The verdict is worth something only if each of its checks can fail.
@Suite("The verdict of a crowd") struct CrowdVerdictTests {
    static let now = Instant(milliseconds: 1_000)
    static let later = Instant(milliseconds: 5_000)

    private func order(_ number: UInt64) -> OrderID { OrderID(high: 0, low: number) }

    private func verdict(_ records: CrowdRecords) -> CrowdVerdict {
        var report = LoadReport()
        records.write(into: &report)
        return CrowdVerdict(report, buyerLimit: 1)
    }

    private func win(
        _ records: CrowdRecords, _ number: UInt64, _ kind: VisitorKind, _ buyer: String, at now: Instant = Self.now
    ) {
        let until = now.advanced(milliseconds: 4_000)
        records.won(self.order(number), quantity: 1, until: until, by: buyer, kind, now: now)
    }

    @Test("a sale where people and scripts win one item each is good") func goodSalesPass() {
        let records = CrowdRecords()
        let ann = records.begin(.person, "ann")
        ann.reach(.session)
        ann.reach(.session)
        self.win(records, 1, .person, "ann")
        self.win(records, 2, .script, "script")
        records.clickedTwice("ann", self.order(1), self.order(1))
        var report = LoadReport()
        records.write(into: &report)
        #expect(report.figures(.person).reached == ["session": 1], "a stage counts once for a visitor")
        #expect(report.figures(.person).items == 1 && report.doubleClicks == 1)
        #expect(CrowdVerdict(report, buyerLimit: 1).isGood)
    }

    @Test("an item of one who must win nothing breaks it", arguments: VisitorKind.allCases.filter(\.mustWinNothing))
    func wonItemsBreakIt(kind: VisitorKind) {
        let records = CrowdRecords()
        self.win(records, 1, kind, "eve")
        #expect(!self.verdict(records).isRight)
    }

    @Test("an order that is shown by somebody else is still the first one's") func shownOrdersAreNotWon() {
        let records = CrowdRecords()
        self.win(records, 1, .person, "ann")
        self.win(records, 1, .replayer, "eve")
        #expect(self.verdict(records).isRight)
    }

    @Test("two items of one identity at one moment break it, and one after the other do not") func limitsCount() {
        let records = CrowdRecords()
        self.win(records, 1, .person, "ann")
        self.win(records, 2, .person, "ann", at: Self.later)
        #expect(self.verdict(records).isRight, "the first reservation had ended")
        self.win(records, 3, .person, "bob")
        records.paid(self.order(3))
        self.win(records, 4, .person, "bob", at: Self.later)
        #expect(!self.verdict(records).isRight, "the first one was paid")
    }

    @Test("two orders of one double click break it") func splitClicksBreakIt() {
        let records = CrowdRecords()
        records.clickedTwice("ann", self.order(1), self.order(2))
        #expect(!self.verdict(records).isRight)
    }

    @Test("one request of a thousand may come to a ledger, and two may not") func workCounts() {
        let records = CrowdRecords()
        let (script, blocked) = (records.begin(.script, "s"), records.begin(.blocked, "b"))
        for _ in 0..<998 { script.asked(gate: "rate_limited") }
        blocked.asked(unit: "blocked")
        script.asked(unit: nil)
        #expect(self.verdict(records).isGood)
        // An answer that never came may have been written.
        blocked.asked(unit: nil)
        #expect(!self.verdict(records).work.isGood && self.verdict(records).isRight)
    }
}
