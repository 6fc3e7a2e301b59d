import Testing
import TrancheAPI
import TrancheCore

@Suite("The sale of a second round") struct SecondRoundTests {
    /// Lots 1 and 2 of a settled sale, and lot 3 of another one.
    private func config(lots: [UInt32] = [1, 2]) -> SaleConfig {
        func sale(_ id: String, _ state: SaleState, _ lots: [UInt32]) -> SaleConfig.Sale {
            SaleConfig.Sale(
                id: id, name: id, state: state, startsAtMilliseconds: 1_000, endsAtMilliseconds: 61_000,
                paymentWindowMilliseconds: 100,
                lots: lots.map {
                    .init(
                        id: LotID($0), name: "lot \($0)", stock: 10, perBuyerLimit: 2, poolPermille: 0,
                        fixed: state == .settled ? ["eu": 9] : nil)
                })
        }
        return SaleConfig(sales: [sale("first", .settled, lots), sale("other", .open, [3])])
    }

    private func round(_ config: SaleConfig, left: [UInt32: Int] = [1: 4, 2: 0]) throws -> SaleConfig.Sale {
        try config.secondRound(
            of: config.sales[0], id: "second",
            left: Dictionary(uniqueKeysWithValues: left.map { (LotID($0.key), $0.value) }),
            startsAtMilliseconds: 100_000, endsAtMilliseconds: nil)
    }

    @Test("it is a draft with the old rules, and has a lot with a free number for each lot with something left")
    func draftHasTheOldRules() throws {
        var config = self.config()
        let made = try self.round(config)
        #expect(made.state == .draft && made.isSecondRound && made.endsAtMilliseconds == 160_000)
        let lot = try #require(made.lots.first)
        #expect(made.lots.count == 1 && lot.id == LotID(4) && lot.stock == 4 && lot.carriedFrom == LotID(1))
        #expect(lot.perBuyerLimit == 2 && lot.weights == ["eu": 9] && lot.fixed == nil)
        #expect(made.pairs(from: config.sales[0]) == [SecondRound.Pair(from: LotID(1), to: LotID(4))])
        config.sales.append(made)
        try config.validate()
        #expect(config.plannedLots(of: made).map(\.isCarried) == [true])
        #expect(try config.secondRound("second", of: config.sales[0]) == made)
        #expect(try config.secondRound("third", of: config.sales[0]) == nil)
        config.raiseCarried(LotID(4), to: 4)
        #expect(config.sales[2] == made)
        config.raiseCarried(LotID(4), to: 6)
        #expect(config.sales[2].lots[0].issued == 6)
    }

    @Test("a sale with stock of its own is named with its items; without a free number, or in time, there is none")
    func otherSalesAreRefused() throws {
        let config = self.config()
        let problem = #expect(throws: Problem.self) { try config.secondRound("other", of: config.sales[0]) }
        #expect(problem?.code == "sale_exists" && problem?.detail.contains("10 items") == true)
        let last = self.config(lots: [UInt32.max])
        #expect(throws: Problem.self) { try self.round(last, left: [UInt32.max: 1]) }
        #expect(throws: Problem.self) {
            try config.secondRound(
                of: config.sales[0], id: "second", left: [LotID(1): 1], startsAtMilliseconds: .max,
                endsAtMilliseconds: nil)
        }
    }

    @Test("no edit, rollback, deletion or new sale takes a carried lot away, sets one, or changes its stock")
    func carriedLotsStay() throws {
        let made = try self.round(self.config())
        func edit(stock: Int = 4, id: UInt32 = 4, from: LotID? = nil) -> SaleConfig.Sale {
            var edit = made
            edit.name = "new"
            var lot = SaleConfig.Lot(id: LotID(id), name: "lot", stock: stock, perBuyerLimit: 1, poolPermille: 500)
            lot.carriedFrom = from
            edit.lots = [lot]
            return edit
        }
        let edited = try made.edited(to: edit(from: LotID(9)))
        #expect(edited.lots[0].carriedFrom == LotID(1) && edited.lots[0].poolPermille == 500)
        #expect(throws: Problem.self) { try made.edited(to: edit(stock: 5)) }
        #expect(throws: Problem.self) { try made.edited(to: edit(id: 5)) }
        #expect(throws: Problem.self) { try made.checkDeletion(hasItems: true) }
        try made.checkDeletion(hasItems: false)
        #expect(throws: Problem.self) { try self.config().sales[1].checkDeletion(hasItems: false) }
        #expect(made.created(tieKeyHash: "", drawHash: "").lots[0].carriedFrom == nil)
        let older = SaleConfig(sales: [edit(stock: 5)])
        let back = SaleConfig(sales: [made]).withRules(of: older).sales[0]
        #expect(back.lots[0].stock == 4 && back.lots[0].carriedFrom == LotID(1) && back.name == "new")
    }

    @Test(
        "a refused second round names the unit or the lot, has a stable code, and says what to do next",
        arguments: [
            (SecondRound.Refusal.notSettled(.closed), "wrong_state", "sale first is closed"),
            (.stranded(UnitID(1), LotID(7), Generation(2), quantity: 5), "stranded", "--unit unit 1 --generation 2"),
            (.silent(UnitID(1), LotID(7), held: 5), "not_reported", "unit 1 may hold 5 of lot 7 unsold"),
            (.untold(UnitID(1), LotID(7)), "not_reported", "has not reported lot 7 yet: repeat in a moment"),
            (.unreturned(UnitID(1), LotID(7), quantity: 5), "not_returned", "holds 5 of lot 7 unsold"),
            (.nothingLeft, "nothing_left", "sale first has nothing left: 0 items"),
            (.ownStock(LotID(7), issued: 5), "own_stock", "lot 7 has 5 items that do not come from sale first"),
            (.tooMany(LotID(7), quantity: 5, limit: 4), "too_many_items", "5 items more, and 4 is the limit"),
        ])
    func refusalsSayWhatToDo(refusal: SecondRound.Refusal, code: String, text: String) {
        let problem = Problem(refusal, sale: "first", UnitNames(SaleConfig()))
        #expect(problem.status == 409 && problem.code == code && problem.detail.contains(text), "\(problem.detail)")
    }
}
