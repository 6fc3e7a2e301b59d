import Testing
import TrancheAPI
import TrancheCore

@Suite("Room for contests") struct ContestRoomTests {
    /// - Parameter lots: The stock of each lot, and how it is contested.
    private func refusal(_ lots: [(stock: Int, contest: SaleConfig.Lot.Contest)], units: Int) -> Problem? {
        let lots = lots.enumerated().map { place, lot in
            SaleConfig.Lot(
                id: LotID(UInt32(place + 1)), name: "x", stock: lot.stock, perBuyerLimit: 1, poolPermille: 0,
                contest: lot.contest)
        }
        let sale = SaleConfig.Sale(
            id: "s", name: "s", startsAtMilliseconds: 1, endsAtMilliseconds: 10, paymentWindowMilliseconds: 1_000,
            lots: lots)
        let all = (0..<units).map { unit in
            SaleConfig.Unit(
                id: UnitID(UInt16(unit)), name: "u\(unit)", region: "r", publicURL: "http://a", internalURL: "http://b")
        }
        do throws(Problem) { try SaleConfig(units: all, sales: []).checkContests(of: sale) } catch { return error }
        return nil
    }

    @Test("a sale whose contests could be too large is refused with the number and the limit")
    func tooLargeContestIsRefused() {
        let half = Limits.contestedRequests / 2
        let fits = [(half - 10, SaleConfig.Lot.Contest(when: .global, waitlist: 10))]
        #expect(self.refusal(fits, units: 2) == nil)
        let error = self.refusal([(half - 9, .init(when: .global, waitlist: 10))], units: 2)
        #expect(error?.code == "invalid_config" && error?.status == 422)
        #expect(error?.detail.contains("can have 10000002 requests") == true, "\(error?.detail ?? "")")
        #expect(error?.detail.contains("2 units") == true)
        #expect(error?.detail.contains("at most 10000000 are allowed") == true)
        #expect(self.refusal(fits, units: 3) != nil, "with one more unit")
        #expect(self.refusal(fits + fits, units: 2) != nil, "two such lots")
        #expect(self.refusal(fits, units: 0) == nil, "before the first unit has registered")
    }

    @Test("a share counts as a share, and a lot that is contested when it is scarce by its waitlist only")
    func onlyContestedItemsCount() {
        let stock = Limits.stockPerLot
        #expect(self.refusal([(stock, .init(when: .share, permille: 1, waitlist: 0))], units: 10) == nil)
        #expect(self.refusal([(stock, .init(when: .share, permille: 2, waitlist: 0))], units: 10) != nil)
        #expect(self.refusal([(stock, .init(when: .scarce, waitlist: 10_000))], units: 999) == nil)
        #expect(self.refusal([(stock, .init(when: .scarce, waitlist: 10_000))], units: 1_001) != nil)
        #expect(self.refusal([(stock, .init(when: .never, waitlist: 10_000))], units: 1_024) == nil)
    }

    @Test("the bound of a contest never overflows") func boundNeverOverflows() {
        #expect(ContestRoom.requests(items: .max, waitlist: 1, units: 1) == .max)
        #expect(ContestRoom.requests(items: .max, waitlist: 0, units: 2) == .max)
        #expect(ContestRoom.requests(items: 5, waitlist: 2, units: 3) == 21)
        #expect(ContestRoom.items(of: 2_500, start: .atShare(permille: 3)) == 7)
    }
}
