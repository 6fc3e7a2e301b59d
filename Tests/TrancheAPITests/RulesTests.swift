import Testing
import TrancheAPI
import TrancheCore

@Suite("Rolling back the configuration") struct RulesTests {
    private func sale(_ id: String, limit: Int, state: SaleState = .draft, lots: [UInt32] = [1]) -> SaleConfig.Sale {
        SaleConfig.Sale(
            id: id, name: "\(id) \(limit)", state: state, startsAtMilliseconds: Int64(limit),
            endsAtMilliseconds: Int64(limit) * 10, paymentWindowMilliseconds: Int64(limit) * 100,
            lots: lots.map {
                .init(id: LotID($0), name: "lot", stock: 10 * limit, perBuyerLimit: limit, poolPermille: 0)
            })
    }

    private func config(_ sales: [SaleConfig.Sale]) -> SaleConfig {
        var config = SaleConfig()
        config.sales = sales
        return config
    }

    @Test("times, windows and limits are taken back; state, homes, secrets, first grants and stock stay")
    func rollbackChangesRulesOnly() {
        var open = self.sale("a", limit: 2, state: .open)
        open.homes = ["eu": [UnitID(1)]]
        open.planned = ["1": ["eu": 20]]
        open.tieKeyHash = "hash"
        open.lots[0].added = 5
        let next = self.config([open]).withRules(of: self.config([self.sale("a", limit: 1)])).sales[0]
        #expect(next.lots[0].perBuyerLimit == 1 && next.name == "a 1")
        #expect(next.startsAtMilliseconds == 2, "when an open sale began is no rule")
        #expect(next.endsAtMilliseconds == 10)
        #expect(next.paymentWindowMilliseconds == 100)
        #expect(next.state == .open && next.homes == open.homes && next.planned == open.planned)
        #expect(next.tieKeyHash == "hash" && next.lots[0].stock == 20 && next.lots[0].issued == 25)
    }

    @Test("a sale with a schedule keeps the times from which its steps follow, until it is settled")
    func schedulesKeepTheirTimes() {
        let older = self.config([self.sale("a", limit: 1)])
        for state in SaleState.allCases {
            var sale = self.sale("a", limit: 2, state: state)
            sale.schedule = .init()
            let next = self.config([sale]).withRules(of: older).sales[0]
            #expect(next.lots[0].perBuyerLimit == 1 && next.name == "a 1", "\(state)")
            if state != .settled { #expect(next.saleSchedule == sale.saleSchedule, "\(state)") }
            #expect(next.endsAtMilliseconds == (state == .settled ? 10 : 20), "\(state)")
        }
    }

    @Test("no sale, and no lot of an open sale, is added or removed") func openSaleKeepsItsLots() {
        let now = self.config([
            self.sale("a", limit: 2, state: .open, lots: [1, 2]), self.sale("new", limit: 3, state: .open, lots: [3]),
        ])
        let older = self.config([self.sale("a", limit: 1, lots: [1, 9]), self.sale("gone", limit: 1, lots: [4])])
        let next = now.withRules(of: older)
        #expect(next.sales.map(\.id) == ["a", "new"])
        #expect(next.sales[0].lots.map(\.id) == [LotID(1), LotID(2)])
        #expect(next.sales[0].lots.map(\.perBuyerLimit) == [1, 2])
        #expect(next.sales[1] == now.sales[1])
    }

    @Test("a draft's lots are taken back, too: nothing of them has been issued") func draftTakesItsLotsBack() {
        let now = self.config([self.sale("a", limit: 2, lots: [1, 2])])
        let next = now.withRules(of: self.config([self.sale("a", limit: 1, lots: [7])]))
        #expect(next.sales[0].lots.map(\.id) == [LotID(7)])
    }
}
