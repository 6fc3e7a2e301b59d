import Testing
import TrancheCore

@Suite("Warming a sale up") struct WarmingTests {
    private static let (first, second) = (LotID(1), LotID(2))

    private func lot(
        _ lot: LotID, stock: Int = 10, start: ContestStart = .never, _ parts: [(UInt16, Int)]
    ) -> PlannedLot {
        PlannedLot(
            lot: lot, stock: stock, start: start, terms: ContestTerms(policy: .stamp, waitlist: 3),
            parts: parts.map { .init(unit: UnitID($0.0), quantity: $0.1) })
    }

    @Test("an interrupted warming is completed: missing lots are issued, and missing quota is granted")
    func interruptedWarmingIsCompleted() throws {
        var sale = SoldSale(units: [1, 2])
        let lots = [
            self.lot(Self.first, [(1, 6), (2, 4)]), self.lot(Self.second, [(1, 5), (2, 5)]),
        ]
        // The center ended after it had issued one lot, and granted a part of it.
        try sale.issue(10, of: Self.first)
        try sale.grant(2, of: Self.first, to: UnitID(1))
        #expect(sale.authority.warm(lots, into: &sale.records) == [UnitID(1), UnitID(2)])
        for (lot, first, second) in [(Self.first, 6, 4), (Self.second, 5, 5)] {
            #expect(sale.authority.book.lots[lot]?.issued == 10)
            #expect(sale.authority.book.account(lot, UnitID(1), Generation(1)).granted == first)
            #expect(sale.authority.book.account(lot, UnitID(2), Generation(1)).granted == second)
            #expect(sale.authority.book.isConserved(lot))
        }
    }

    @Test("complete issues and grants are not repeated") func completeGrantsAreNotRepeated() {
        var sale = SoldSale()
        let lots = [self.lot(Self.first, [(1, 6)])]
        #expect(sale.authority.warm(lots, into: &sale.records) == [UnitID(1)])
        let count = sale.records.count
        #expect(sale.authority.warm(lots, into: &sale.records).isEmpty)
        #expect(sale.records.count == count)
    }

    @Test("a unit that registers later gets its part after its first report; the others have theirs already")
    func lateUnitGetsItsPart() {
        var sale = SoldSale(units: [1])
        let lots = [self.lot(Self.first, [(1, 6), (2, 4)])]
        #expect(sale.authority.warm(lots, into: &sale.records) == [UnitID(1)])
        sale.register(UnitID(2))
        #expect(sale.authority.warm(lots, into: &sale.records).isEmpty, "its ledger has no witness yet")
        sale.report(UnitID(2), [])
        #expect(sale.authority.warm(lots, into: &sale.records) == [UnitID(2)])
    }

    @Test("a lot that is contested from the start is contended with its issue, and nothing of it is granted")
    func contendsFromTheStart() {
        var sale = SoldSale()
        let lots = [self.lot(Self.first, start: .fromTheStart, [(1, 6)])]
        #expect(sale.authority.warm(lots, into: &sale.records).isEmpty)
        #expect(sale.authority.book.lots[Self.first]?.contest != nil)
        #expect(sale.authority.book.lots[Self.first]?.pool == 10)
    }

    @Test("a lot that cannot be issued does not stop the issue of the others") func failedLotStopsNoOther() {
        var sale = SoldSale()
        let lots = [self.lot(Self.first, stock: 0, [(1, 6)]), self.lot(Self.second, [(1, 6)])]
        #expect(sale.authority.warm(lots, into: &sale.records) == [UnitID(1)])
        #expect(sale.authority.book.lots[Self.first] == nil)
        #expect(throws: AuthorityError.invalidQuantity(0, limit: Limits.stockPerLot)) {
            var sale = sale
            try sale.authority.issue(lots, into: &sale.records)
        }
    }

    @Test("stock is added to what was issued, up to the limit, and to no lot that was never issued")
    func onlyIssuedLotsGetAddedStock() throws {
        var sale = SoldSale()
        try sale.issue(10)
        #expect(try sale.authority.issued(SoldSale.lot, with: 5) == 15)
        #expect(sale.authority.book.lots[SoldSale.lot]?.issued == 10, "nothing is added by the question")
        #expect(throws: AuthorityError.unknownLot(Self.second)) { try sale.authority.issued(Self.second, with: 5) }
        for quantity in [0, -1, Limits.stockPerLot - 9, .max] {
            #expect(throws: AuthorityError.invalidQuantity(quantity, limit: Limits.stockPerLot - 10)) {
                try sale.authority.issued(SoldSale.lot, with: quantity)
            }
        }
    }

    @Test("a plan is by weights, or by fixed numbers; nothing is planned of a lot that is contested from the start")
    func planGoesByWeightsOrNumbers() {
        func plan(
            weights: [String: Int]? = nil, fixed: [String: Int]? = nil, start: ContestStart = .whenScarce
        ) -> [String: Int] {
            QuotaPlan.grants(
                of: 100, poolPermille: 100, weights: weights, fixed: fixed, start: start, among: ["a", "b", "c"])
        }
        #expect(plan() == ["a": 30, "b": 30, "c": 30])
        #expect(plan(weights: ["a": 2, "b": 1, "gone": 5]) == ["a": 60, "b": 30, "c": 0])
        #expect(plan(weights: ["a": 2], fixed: ["b": 7]) == ["b": 7])
        #expect(plan(fixed: ["b": 7], start: .fromTheStart).isEmpty)
    }
}
