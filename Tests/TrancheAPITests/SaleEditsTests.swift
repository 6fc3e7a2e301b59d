import Testing
import TrancheAPI
import TrancheCore

@Suite("Changes of the configuration") struct SaleEditsTests {
    private func sale(_ state: SaleState, stock: Int = 10, limit: Int = 1) -> SaleConfig.Sale {
        SaleConfig.Sale(
            id: "a", name: "a", state: state, startsAtMilliseconds: 1, endsAtMilliseconds: 2,
            paymentWindowMilliseconds: 100,
            lots: [.init(id: LotID(1), name: "lot", stock: stock, perBuyerLimit: limit, poolPermille: 0)])
    }

    private func unit(_ id: UInt16, _ name: String, region: String = "eu") -> SaleConfig.Unit {
        .init(id: UnitID(id), name: name, region: region, publicURL: "http://a", internalURL: "http://a")
    }

    @Test("an edit changes rules, and no field that only the center sets") func editChangesRulesOnly() throws {
        var known = self.sale(.open)
        (known.tieKeyHash, known.homes, known.planned) = ("hash", ["eu": [UnitID(1)]], ["1": ["eu": 10]])
        known.lots[0].added = 5
        var edit = self.sale(.open, limit: 3)
        (edit.tieKeyHash, edit.tieKey, edit.homes, edit.planned) = ("other", "secret", [:], [:])
        edit.lots[0].added = 50
        let edited = try known.edited(to: edit)
        #expect(edited.lots[0].perBuyerLimit == 3 && edited.lots[0].added == 5)
        #expect(edited.tieKeyHash == "hash" && edited.tieKey == nil)
        #expect(edited.homes == known.homes && edited.planned == known.planned)
    }

    @Test("a revocation raises the epoch by one, and no edit, rollback or new sale lowers or sets it")
    func revocationEpochOnlyRises() throws {
        let once = try self.sale(.open).revokingTokens()
        let twice = try once.revokingTokens()
        #expect(once.revocationEpoch == RevocationEpoch(1) && twice.revocationEpoch == RevocationEpoch(2))
        #expect(try twice.edited(to: self.sale(.open, limit: 3)).revocationEpoch == RevocationEpoch(2))
        var edit = self.sale(.open)
        edit.revocationEpoch = RevocationEpoch(9)
        #expect(try self.sale(.open).edited(to: edit).revocationEpoch == nil)
        #expect(edit.created(tieKeyHash: "", drawHash: "").revocationEpoch == nil)
        let older = SaleConfig(sales: [self.sale(.open)])
        #expect(SaleConfig(sales: [twice]).withRules(of: older).sales[0].revocationEpoch == RevocationEpoch(2))
    }

    @Test("tokens of a sale that sells nothing are not revoked, nor more often than the limit")
    func revocationHasItsLimits() throws {
        for state in [SaleState.draft, .closed, .settled] {
            let problem = #expect(throws: Problem.self) { try self.sale(state).revokingTokens() }
            #expect(problem?.code == "wrong_state")
        }
        var sale = self.sale(.open)
        sale.revocationEpoch = RevocationEpoch(Limits.revocations - 1)
        sale = try sale.revokingTokens()
        try SaleConfig(sales: [sale]).validate()
        let problem = #expect(throws: Problem.self) { try sale.revokingTokens() }
        #expect(problem?.code == "invalid_config" && problem?.detail.contains("\(Limits.revocations)") == true)
        sale.revocationEpoch = RevocationEpoch(Limits.revocations + 1)
        #expect(throws: Problem.self) { try SaleConfig(sales: [sale]).validate() }
    }

    @Test("only lots of sales with blocked buyers or revoked tokens have terms of their own")
    func ordinarySalesHaveNoTerms() throws {
        var blocking = self.sale(.open)
        blocking.blocked = [BuyerID("eve")!]
        #expect(SaleConfig(sales: [self.sale(.open)]).tokenTerms.isEmpty)
        #expect(SaleConfig(sales: [blocking]).tokenTerms == [LotID(1): TokenTerms(blocked: [BuyerID("eve")!])])
        let revoked = try self.sale(.open).revokingTokens()
        #expect(SaleConfig(sales: [revoked]).tokenTerms == [LotID(1): TokenTerms(epoch: RevocationEpoch(1))])
    }

    @Test("lots change in a draft only, and the state changes by steps only") func lotsChangeInDraftOnly() throws {
        #expect(try self.sale(.draft).edited(to: self.sale(.draft, stock: 20)).lots[0].stock == 20)
        #expect(throws: Problem.self) { try self.sale(.warming).edited(to: self.sale(.warming, stock: 20)) }
        #expect(throws: Problem.self) { try self.sale(.open).edited(to: self.sale(.paused)) }
        #expect(throws: Problem.self) { try self.sale(.open).checkNew() }
    }

    @Test("the plan is fixed when the sale warms up, homes at the first opening, the secret is shown at the end")
    func stepsFixPlanHomesAndSecret() {
        var config = SaleConfig(units: [self.unit(2, "b"), self.unit(1, "a")], sales: [self.sale(.draft)])
        func take(_ step: SaleState.Step, startsAt: Int64? = nil) {
            guard let next = config.sales[0].state.after(step) else {
                Issue.record("no step \(step)")
                return
            }
            config.take(step, to: next, at: 0, startsAtMilliseconds: startsAt, secret: "secret")
        }
        take(.warm, startsAt: 9)
        #expect(config.sales[0].planned == ["1": ["a": 5, "b": 5]] && config.sales[0].startsAtMilliseconds == 1)
        config.announce(self.unit(3, "c", region: "us"))
        take(.open, startsAt: 9)
        let homes = ["eu": [UnitID(1), UnitID(2)], "us": [UnitID(3)]]
        #expect(config.sales[0].homes == homes && config.sales[0].startsAtMilliseconds == 9)
        #expect(config.sales[0].planned == ["1": ["a": 5, "b": 5]], "who comes later changes no plan")
        config.announce(self.unit(4, "d"))
        take(.pause)
        take(.resume)
        take(.close)
        #expect(config.sales[0].homes == homes && config.sales[0].tieKey == nil)
        take(.settle)
        #expect(config.sales[0].tieKey == "secret" && config.sales[0].state == .settled)
    }

    @Test("the issued stock only grows") func issuedStockOnlyGrows() {
        var config = SaleConfig(sales: [self.sale(.open)])
        config.raise(LotID(1), to: 15)
        config.raise(LotID(1), to: 12)
        #expect(config.sales[0].lots[0].issued == 15)
    }

    @Test("a unit that registers again replaces its entry") func registeringAgainReplacesEntry() {
        var config = SaleConfig(units: [self.unit(1, "a")])
        config.announce(self.unit(1, "a2"))
        config.announce(self.unit(2, "b"))
        #expect(config.units.map(\.name) == ["a2", "b"])
    }
}
