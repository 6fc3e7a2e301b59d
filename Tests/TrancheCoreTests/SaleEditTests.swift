import Testing
import TrancheCore

@Suite("Edits and steps that a sale allows") struct SaleEditTests {
    @Test("tokens are revoked while some can be used, and never in a draft, which can be made again with epoch 0")
    func tokensAreRevokedWhileUsable() {
        #expect(SaleState.allCases.filter { $0.allows(.revocation) } == [.warming, .open, .paused])
        #expect(SaleState.allCases.allSatisfy { !$0.allows(.deletion) || !$0.allows(.revocation) })
    }

    @Test("only a draft changes its lots or is deleted; no stock is added to a closed sale")
    func onlyDraftsChangeLotsOrVanish() {
        func states(_ edit: SaleEdit) -> [SaleState] { SaleState.allCases.filter { $0.allows(edit) } }
        #expect(states(.rules) == SaleState.allCases)
        #expect(states(.lots) == [.draft])
        #expect(states(.deletion) == [.draft])
        #expect(states(.formerOpening) == [.draft, .warming])
        #expect(states(.moreStock) == [.draft, .warming, .open, .paused])
        #expect(states(.differentRules) == [.draft, .warming, .open, .paused])
        #expect(states(.stagedRollout) == [.open], "a stage is judged by its purchases")
    }

    @Test(
        "a sale opens when it is ready, is settled when every unit has reported its sales, and is paused without a condition"
    )
    func openingAndSettlementHaveConditions() {
        let conditions = SaleState.Step.allCases.map(\.condition)
        #expect(conditions == [nil, .readiness, nil, nil, nil, .settlement])
    }

    @Test("no step leads back to where stock can be sold again after the closing") func closingIsFinal() {
        #expect(SaleState.closed.steps == [.settle])
        #expect(SaleState.settled.steps.isEmpty)
        for state in SaleState.allCases where state != .draft { #expect(state.after(.warm) == nil) }
    }

    @Test("a sale is over when it is closed, or at its end") func saleEndsByClosingOrTime() {
        let end = SoldSale.start
        #expect(SaleState.open.isOver(endsAt: end, now: end))
        #expect(!SaleState.open.isOver(endsAt: end, now: end.advanced(milliseconds: -1)))
        for state in [SaleState.closed, .settled] { #expect(state.isOver(endsAt: .distantFuture, now: end)) }
        for state in [SaleState.draft, .warming, .paused] { #expect(!state.isOver(endsAt: .distantFuture, now: end)) }
    }

    @Test("homes are the units of each region, in order") func homesAreUnitsOfEachRegion() {
        let homes = HomeUnit.homes([("eu", UnitID(3)), ("us", UnitID(2)), ("eu", UnitID(1))])
        #expect(homes == ["eu": [UnitID(1), UnitID(3)], "us": [UnitID(2)]])
    }
}

@Suite("Removing a unit") struct UnitRemovalTests {
    private static let unit = UnitID(1)

    private func refusal(
        _ sale: SoldSale, _ state: SaleState = .open, homes: Set<UnitID> = []
    ) -> UnitRemoval.Refusal? {
        let sales = [UnitRemoval.Sale(id: "sale", state: state, lots: [SoldSale.lot], homes: homes)]
        do throws(UnitRemoval.Refusal) {
            try UnitRemoval.check(Self.unit, sales: sales, sale.authority, now: sale.now)
            return nil
        } catch { return error }
    }

    @Test("a unit that is silent, holds nothing and is no buyer's home can be removed")
    func silentEmptyUnitCanBeRemoved() throws {
        var sale = SoldSale(units: [1, 2])
        try sale.issue(10)
        try sale.grant(5, to: UnitID(2))
        sale.fallSilent()
        #expect(self.refusal(sale, homes: [UnitID(2)]) == nil)
    }

    @Test("a unit that reports cannot be removed") func reportingUnitCannotBeRemoved() {
        #expect(self.refusal(SoldSale()) == .reports)
    }

    @Test("a unit that holds quota cannot be removed until the sale is settled") func unitWithQuotaCannotBeRemoved()
        throws
    {
        var sale = SoldSale()
        try sale.issue(10)
        try sale.grant(4, to: Self.unit)
        sale.fallSilent()
        #expect(self.refusal(sale) == .holds(4, SoldSale.lot))
        #expect(self.refusal(sale, .settled) == nil)
    }

    @Test("the home unit of buyers cannot be removed until the sale is settled") func homeUnitCannotBeRemoved() {
        var sale = SoldSale()
        sale.fallSilent()
        #expect(self.refusal(sale, .closed, homes: [Self.unit]) == .isHome(sale: "sale", .closed))
        #expect(self.refusal(sale, .settled, homes: [Self.unit]) == nil)
    }
}
