import Testing
import TrancheAPI
import TrancheCore

@Suite("Pictures for the operators' console") struct ConsolePictureTests {
    private static let now = Instant(milliseconds: 1_700_000_000_000)
    private static let lot = LotID(1)
    private var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
    private var records: [AuthorityRecord] = []

    /// 100 items: 60 granted to unit 1, 20 to unit 2, and 20 in the pool. Neither has reported the lot yet.
    init() throws {
        self.authority.takeOver(into: &self.records)
        try self.authority.issue(Self.lot, quantity: 100, into: &self.records)
        for unit in [UnitID(1), UnitID(2)] {
            _ = self.authority.register(
                RegisterRequest(
                    unit: unit, ledger: LedgerID(UInt64(unit.rawValue)), incarnation: Incarnation(1),
                    generation: Generation(1), head: .empty, session: 1, answer: nil), now: Self.now,
                into: &self.records)
            self.report(unit, [], position: 1)
        }
        #expect(try self.authority.grant(Self.lot, to: UnitID(1), quantity: 60, into: &self.records) == 60)
        #expect(try self.authority.grant(Self.lot, to: UnitID(2), quantity: 20, into: &self.records) == 20)
    }

    private mutating func report(_ unit: UnitID, _ lots: [UnitReport.Lot], position: UInt64) {
        _ = self.authority.report(
            UnitReport(
                unit: unit, ledger: LedgerID(UInt64(unit.rawValue)), incarnation: Incarnation(1),
                generation: Generation(1), session: 1,
                head: LedgerHead(position: position, digest: .init(high: position, low: 0)), nonce: position,
                lots: lots), now: Self.now, into: &self.records)
    }

    private mutating func sell(_ sold: Int, paid: Int, granted: Int = 60, by unit: UInt16 = 1, position: UInt64) {
        let lot = UnitReport.Lot(
            lot: Self.lot, counters: QuotaCounters(granted: granted, sold: sold), offered: 2 * sold, starved: 1,
            hintDone: 0, isPrimed: true, paid: paid)
        self.report(UnitID(unit), [lot], position: position)
    }

    private static func config(_ state: SaleState = .open, opens: Int64 = 0, closes: Int64 = 10) -> SaleConfig {
        let minute: Int64 = 60_000
        return SaleConfig(
            units: [(1, "eu-a"), (2, "us-a")].map { id, name in
                .init(id: UnitID(id), name: name, region: name, publicURL: "http://a", internalURL: "http://a")
            },
            sales: [
                .init(
                    id: "summer", name: "Summer", state: state,
                    startsAtMilliseconds: Self.now.milliseconds + opens * minute,
                    endsAtMilliseconds: Self.now.milliseconds + closes * minute, paymentWindowMilliseconds: 100,
                    lots: [.init(id: Self.lot, name: "Seats", stock: 100, perBuyerLimit: 1, poolPermille: 200)])
            ])
    }

    private func picture(
        _ config: SaleConfig = Self.config(), of authority: QuotaAuthority? = nil, alarms: [String] = [],
        leading: Int64 = 60_000
    ) -> ConsolePicture {
        var rollout = Rollout(version: 7, units: [UnitID(1), UnitID(2)])
        rollout.took(UnitID(1), version: 7)
        return ConsolePicture(
            authority ?? self.authority,
            .init(
                config: config, rollout: rollout, alarms: alarms,
                leadingSince: Self.now.advanced(milliseconds: -leading)), wall: Self.now,
            now: Self.now.advanced(milliseconds: 400))
    }

    @Test("the parts of a lot add up to its issue, in each state of its units") mutating func partsAddUp() throws {
        var lot = try #require(self.picture().lots.first)
        #expect(lot.parts.unheard == 80 && lot.parts.pool == 20 && lot.difference == 0)
        self.sell(25, paid: 10, position: 2)
        lot = try #require(self.picture().lots.first)
        #expect(lot.parts.paid == 10 && lot.parts.held == 15 && lot.parts.quota == 35)
        #expect(lot.parts.unheard == 20 && lot.difference == 0)
        #expect(lot.name == "Seats" && lot.sale == "summer" && lot.issued == 100)
        try self.authority.strand(UnitID(2), reason: "lost", into: &self.records)
        let stranded = self.picture()
        lot = try #require(stranded.lots.first)
        #expect(lot.parts.stranded == 20 && lot.parts.unheard == 0 && lot.difference == 0)
        #expect(stranded.stranded.map(\.quantity) == [20] && stranded.stranded.first?.reason == "lost")
        try self.authority.settle(Self.lot, UnitID(2), Generation(1), sold: 4, into: &self.records)
        let settled = self.picture()
        lot = try #require(settled.lots.first)
        #expect(lot.parts.settled == 4 && lot.parts.pool == 36 && lot.difference == 0 && settled.stranded.isEmpty)
    }

    @Test("books that do not add up are told with the figure") func brokenBooksAreTold() throws {
        let text = String(decoding: JSON.encode(self.authority.book), as: UTF8.self)
        #expect(text.contains("\"pool\":20"))
        let broken = try JSON.decode(
            AuthorityBook.self, from: Array(text.replacing("\"pool\":20", with: "\"pool\":17").utf8))
        let picture = self.picture(of: QuotaAuthority(book: broken, witnesses: [:]))
        let lot = try #require(picture.lots.first)
        #expect(lot.difference == -3 && lot.parts.sum == 97)
        #expect(picture.contradictions.map(\.lot) == [Self.lot] && picture.contradictions[0].difference == -3)
        #expect(self.picture().contradictions.isEmpty)
    }

    @Test("books of a lot that has no room in the picture are told, too") mutating func brokenBooksNeedNoRoom() throws {
        for number in 2...UInt32(ConsolePicture.rowsLimit) {
            try self.authority.issue(LotID(number), quantity: 1, into: &self.records)
        }
        // 1,000,003 items in one lot of no sale, which has no room: behind lot 1, the highest number comes first.
        try self.authority.issue(LotID(2), quantity: 1_000_002, into: &self.records)
        let text = String(decoding: JSON.encode(self.authority.book), as: UTF8.self)
        #expect(text.contains("\"pool\":1000003"))
        let broken = try JSON.decode(
            AuthorityBook.self, from: Array(text.replacing("\"pool\":1000003", with: "\"pool\":1000001").utf8))
        let picture = self.picture(of: QuotaAuthority(book: broken, witnesses: [:]))
        #expect(!picture.lots.contains { $0.id == LotID(2) } && picture.lotsLeftOut == 1)
        #expect(picture.contradictions.map(\.lot) == [LotID(2)] && picture.contradictions[0].difference == -2)
    }

    @Test("all alarms are counted, and the newest are told") func alarmsAreCounted() {
        let picture = self.picture(alarms: (1...30).map { "alarm \($0)" })
        #expect(picture.alarmCount == 30 && picture.alarms.count == ConsolePicture.alarmsLimit)
        #expect(picture.alarms.last == "alarm 30")
    }

    @Test("a unit that a new center has not heard is not silent before it had time to report")
    func unheardUnitIsNotSilent() {
        let heard = self.picture()
        #expect(heard.units.allSatisfy { !$0.isSilent && $0.silentMilliseconds == 400 })
        let unheard = QuotaAuthority(book: self.authority.book, witnesses: self.authority.witnesses)
        // The picture is made 400 ms later.
        let limit = QuotaAuthority.findingMilliseconds - 400
        let early = self.picture(of: unheard, leading: limit)
        #expect(early.units.count == 2 && early.units.allSatisfy { !$0.isSilent && $0.silentMilliseconds == nil })
        let late = self.picture(of: unheard, leading: limit + 1)
        #expect(late.units.allSatisfy { $0.isSilent && $0.silentMilliseconds == nil })
    }

    @Test("what a unit sold before it was heard is no pace") mutating func firstReportIsNoPace() throws {
        var rates = ConsoleRates()
        self.sell(20, paid: 0, position: 2)
        let heard = self.authority
        var unheard = QuotaAuthority(book: heard.book, witnesses: heard.witnesses)
        unheard.takeOver(into: &self.records)
        var picture = self.picture(of: unheard)
        picture.fill(from: &rates, now: Self.now)
        #expect(picture.lots[0].units.allSatisfy { !$0.isHeard })
        for (second, sold) in [(Int64(1), 50), (2, 52)] {
            self.authority = unheard
            self.sell(sold, paid: 0, position: UInt64(second) + 2)
            unheard = self.authority
            picture = self.picture()
            picture.fill(from: &rates, now: Self.now.advanced(milliseconds: 1_000 * second))
            // Of the first report nobody knows since when.
            let pace: Double? = second == 1 ? nil : 2
            #expect(picture.lots[0].soldPerSecond == pace && picture.lots[0].units[0].isHeard)
            // 8 of 60 are left with unit 1, and 20 in the pool.
            #expect(picture.lots[0].secondsLeft == (second == 1 ? nil : 14))
        }
    }

    @Test("a unit's row says what it last told, how long ago, and which version it has")
    mutating func unitsAreShown() throws {
        self.sell(25, paid: 10, position: 2)
        let picture = self.picture()
        let unit = try #require(picture.units.first)
        #expect(unit.name == "eu-a" && unit.silentMilliseconds == 400 && unit.configVersion == 7)
        #expect(unit.position == 2 && unit.lots == 1 && unit.primed == 1 && !unit.isDrained)
        #expect(picture.units.last?.configVersion == nil && picture.config.version == 7)
        let row = try #require(picture.lots.first?.units.first)
        #expect(row.sold == 25 && row.offered == 50 && row.starved == 1 && row.standing == "active")
        #expect(row.soldPerSecond == nil && picture.lots.first?.secondsLeft == nil)
    }

    @Test("two pictures tell how fast a lot is sold, and when it will be sold out") mutating func paceIsTold() throws {
        var rates = ConsoleRates()
        self.sell(20, paid: 0, position: 2)
        var picture = self.picture()
        picture.fill(from: &rates, now: Self.now)
        #expect(picture.lots[0].soldPerSecond == nil && picture.lots[0].secondsLeft == nil)
        self.sell(30, paid: 0, position: 3)
        picture = self.picture()
        picture.fill(from: &rates, now: Self.now.advanced(milliseconds: 1_000))
        let lot = picture.lots[0]
        // 30 in the quota of unit 1 and 20 in the pool; what unit 2 has is not known.
        #expect(lot.soldPerSecond == 10 && lot.secondsLeft == 5)
        #expect(lot.units.first?.offeredPerSecond == 20)
    }

    @Test(
        "an open sale says whether it has begun and ended",
        arguments: [
            (SaleState.open, Int64(1), Int64(10), ConsolePicture.Phase.waiting), (.open, -1, 10, .open),
            (.open, -10, -1, .over), (.paused, -1, 10, .paused), (.closed, -1, 10, .closed),
        ])
    func phasesFollowTheClock(state: SaleState, opens: Int64, closes: Int64, phase: ConsolePicture.Phase) {
        let sale = self.picture(Self.config(state, opens: opens, closes: closes)).sales.first
        #expect(sale?.phase == phase && sale?.steps == state.steps.map(\.rawValue))
    }

    @Test("a contested lot shows its contest, and what units hold is under way") mutating func contestIsShown() throws {
        self.sell(25, paid: 10, position: 2)
        _ = try self.authority.contend(Self.lot, ContestTerms(policy: .stamp, waitlist: 9), into: &self.records)
        let lot = try #require(self.picture().lots.first)
        #expect(lot.contest?.policy == "stamp" && lot.contest?.line == 0 && lot.contest?.decided == 0)
        #expect(lot.parts.underWay == 35 && lot.parts.quota == 0 && lot.difference == 0)
    }

    @Test("a picture has a limited number of rows, and says how many lots it leaves out")
    mutating func rowsAreLimited() throws {
        for number in 2...UInt32(ConsolePicture.rowsLimit) {
            try self.authority.issue(LotID(number), quantity: 1, into: &self.records)
        }
        let picture = self.picture()
        // Lot 1 has two rows, and comes first because its sale is open.
        #expect(picture.lots.first?.id == Self.lot && picture.lots.count == ConsolePicture.rowsLimit - 1)
        #expect(picture.lotsLeftOut == 1)
    }

    @Test("a picture can be read from its own bytes") mutating func pictureCanBeRead() throws {
        self.sell(25, paid: 10, position: 2)
        let bytes = JSON.encode(self.picture())
        let again = try JSON.decode(ConsolePicture.self, from: bytes)
        #expect(JSON.encode(again) == bytes)
    }
}
