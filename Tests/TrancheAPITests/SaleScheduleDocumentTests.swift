import Testing
import TrancheAPI
import TrancheCore

@Suite("The schedule in a sale's document") struct SaleScheduleDocumentTests {
    private static let start: Int64 = 1_700_000_000_000

    private func sale(_ schedule: SaleConfig.Schedule?, state: SaleState = .draft) -> SaleConfig.Sale {
        SaleConfig.Sale(
            id: "drop", name: "drop", state: state, startsAtMilliseconds: Self.start,
            endsAtMilliseconds: Self.start + 3_600_000, paymentWindowMilliseconds: 60_000,
            lots: [.init(id: LotID(1), name: "lot", stock: 10, perBuyerLimit: 1, poolPermille: 0)], schedule: schedule)
    }

    @Test("a sale without a schedule is left to operators, and one that names nothing has the defaults")
    func defaultsStandForWhatIsNotGiven() throws {
        #expect(self.sale(nil).saleSchedule == nil)
        let schedule = try #require(self.sale(.init()).saleSchedule)
        #expect(schedule.time(of: .warm).milliseconds == Self.start - 1_800_000)
        #expect(schedule.time(of: .open).milliseconds == Self.start - 10_000)
        #expect(schedule.limit(of: .open)?.milliseconds == Self.start + 30_000)
        #expect(schedule.time(of: .settle).milliseconds == Self.start + 3_660_000)
        try SaleConfig(sales: [self.sale(.init())]).validate()
    }

    @Test(
        "a value beyond its limit is refused by name, value and limit",
        arguments: [
            (
                SaleConfig.Schedule(warmBeforeMilliseconds: 1_999),
                "warmBeforeMilliseconds 1999 is not in 2000...604800000"
            ),
            (.init(openBeforeMilliseconds: 600_001), "openBeforeMilliseconds 600001 is not in 2000...600000"),
            (.init(openLateMilliseconds: -1), "openLateMilliseconds -1 is not in 0...600000"),
            (
                .init(warmBeforeMilliseconds: 5_000, openBeforeMilliseconds: 6_000),
                "openBeforeMilliseconds 6000 is more than schedule.warmBeforeMilliseconds 5000"
            ),
            (.init(held: [.open, .open]), "held names a step twice: open, open"),
        ])
    func limitsAreNamed(schedule: SaleConfig.Schedule, text: String) {
        let problem = #expect(throws: Problem.self) { try SaleConfig(sales: [self.sale(schedule)]).validate() }
        #expect(
            problem?.code == "invalid_config"
                && problem?.detail == "sale drop: schedule.\(text)"
                    + (text.contains("more than") ? ": a sale warms up before it opens" : "")
        )
    }

    @Test("a step is held once, released at last, and never in a sale without a schedule") func stepsAreHeld() throws {
        let once = try self.sale(.init()).holding(.open, true).holding(.warm, true).holding(.open, true)
        #expect(once.schedule?.held == [.warm, .open] && once.saleSchedule?.held == [.warm, .open])
        #expect(try once.holding(.open, false).holding(.warm, false) == self.sale(.init()))
        let problem = #expect(throws: Problem.self) { try self.sale(nil).holding(.open, true) }
        #expect(problem?.code == "no_schedule")
    }

    @Test("an edit changes the times of the schedule and keeps what is held; a rollback changes neither")
    func editsKeepWhatIsHeld() throws {
        let held = try self.sale(.init()).holding(.open, true)
        let edited = try held.edited(to: self.sale(.init(openLateMilliseconds: 0)))
        #expect(edited.schedule == .init(openLateMilliseconds: 0, held: [.open]))
        #expect(try held.edited(to: self.sale(nil)).schedule == nil)
        for older in [self.sale(nil), self.sale(.init(openLateMilliseconds: 5))] {
            #expect(
                SaleConfig(sales: [held]).withRules(of: SaleConfig(sales: [older])).sales[0].schedule == held.schedule)
        }
    }

    @Test("a document without a schedule is read as before, and an unknown step is refused") func documentsAreRead()
        throws
    {
        let plain = JSON.encode(self.sale(nil))
        #expect(!String(decoding: plain, as: UTF8.self).contains("schedule"))
        #expect(try JSON.decode(SaleConfig.Sale.self, from: plain) == self.sale(nil))
        let held = self.sale(.init(held: [.close]))
        let bytes = JSON.encode(held)
        #expect(try JSON.decode(SaleConfig.Sale.self, from: bytes) == held)
        let wrong = String(decoding: bytes, as: UTF8.self).replacing("\"close\"", with: "\"pause\"")
        #expect(throws: Problem.self) { try JSON.decode(SaleConfig.Sale.self, from: wrong.utf8) }
    }

    @Test("the status names what is in the way of the next step, and forgets what was in the way of an earlier one")
    func statusNamesReasons() throws {
        let schedule = try #require(self.sale(.init()).saleSchedule)
        func status(_ state: SaleState, _ obstacle: FoundObstacle?, _ milliseconds: Int64) -> [ScheduleDocument.Step] {
            ScheduleDocument(
                schedule, state, obstacle: obstacle, now: Instant(milliseconds: Self.start + milliseconds)
            ).steps
        }
        let silent = FoundObstacle(step: .open, reasons: ["eu-a does not report"])
        let blocked = status(.warming, silent, -60_000)
        #expect(blocked.map(\.step) == [.warm, .open, .close, .settle])
        #expect(blocked.map(\.standing) == [.done, .blocked, .waiting, .waiting])
        #expect(blocked[1].reasons == silent.reasons && blocked[1].limitMilliseconds == Self.start + 30_000)
        #expect(blocked[1].atMilliseconds == Self.start - 10_000 && blocked[2].limitMilliseconds == nil)
        #expect(status(.open, silent, 0).allSatisfy { $0.reasons.isEmpty && $0.standing != .blocked })
        let missed = status(.warming, silent, 30_000)[1]
        #expect(missed.standing == .missed && missed.reasons.count == 1 && missed.reasons[0].contains("is over"))
        #expect(status(.paused, nil, 3_600_000)[2].reasons == ["the sale is paused: resume it, or close it"])
    }

    @Test("a dry run finds what would stop the warming up, without changing anything") func dryRunFindsFaults() throws {
        var sale = self.sale(.init())
        sale.lots = [
            .init(
                id: LotID(1), name: "lot", stock: 10, perBuyerLimit: 1, poolPermille: 0, weights: ["eu-a": 1])
        ]
        let unit = SaleConfig.Unit(
            id: UnitID(1), name: "eu-a", region: "eu", publicURL: "http://a", internalURL: "http://a")
        let problem = #expect(throws: Problem.self) { try SaleConfig(sales: [sale]).warmed(sale) }
        #expect(problem?.detail == "lot 1: there is no unit \"eu-a\"")
        let config = SaleConfig(units: [unit], sales: [sale])
        let warmed = try config.warmed(sale)
        #expect(
            warmed.sale.state == .warming && warmed.config.plannedLots(of: warmed.sale)[0].quantity(of: UnitID(1)) == 10
        )
        #expect(config.sales[0].state == .draft)
    }
}
