import Testing
import TrancheCore

@Suite("A coordinator's round for a lot") struct RebalancerRoundTests {
    private static let start = Instant(milliseconds: 1_700_000_000_000)
    private static let lot = LotID(1)
    private static let terms = ContestTerms(policy: .stamp, waitlist: 3)

    /// A lot of 100; unit 1 is empty and starves.
    private func stock(
        pool: Int, elsewhere: Int = 0, isFrozen: Bool = false, start: ContestStart
    ) -> Rebalancer.Stock {
        Rebalancer.Stock(
            lot: Self.lot, issued: 100, pool: pool, available: [0, elsewhere], isFrozen: isFrozen,
            samples: [
                .init(
                    unit: UnitID(1), available: 0, offered: 0, starved: 5, heardAt: Self.start, isLive: true)
            ], start: start, terms: Self.terms)
    }

    private func decisions(_ stock: Rebalancer.Stock) -> [Rebalancer.Decision] {
        var rebalancer = Rebalancer()
        return rebalancer.round(stock, now: Self.start)
    }

    @Test("a scarce lot is contended, and nothing of it is granted any more") func scarceLotIsContended() {
        #expect(
            self.decisions(self.stock(pool: 20, start: .atShare(permille: 200)))
                == [.contend(Self.lot, Self.terms)])
    }

    @Test("a lot that is not scarce is refilled") func plentifulLotIsRefilled() {
        let decisions = self.decisions(self.stock(pool: 21, start: .atShare(permille: 200)))
        guard case .grant(Self.lot, UnitID(1), let quantity)? = decisions.first, decisions.count == 1 else {
            Issue.record("expected a grant, got \(decisions)")
            return
        }
        #expect(quantity > 0)
    }

    @Test("stock that units can still sell counts as left, too; a unit in debt counts as empty")
    func stockOfUnitsCountsAsLeft() {
        #expect(self.stock(pool: 20, elsewhere: 30, start: .never).left == 50)
        #expect(self.stock(pool: 20, elsewhere: -30, start: .never).left == 20)
        let decisions = self.decisions(self.stock(pool: 20, elsewhere: 1, start: .atShare(permille: 200)))
        #expect(decisions != [.contend(Self.lot, Self.terms)])
    }

    @Test("a lot that is never contested is refilled to the last item") func uncontestedLotIsRefilledCompletely() {
        #expect(self.decisions(self.stock(pool: 1, start: .never)) == [.grant(Self.lot, UnitID(1), quantity: 1)])
    }

    @Test("a frozen lot stays as it is", arguments: [ContestStart.never, .fromTheStart, .atShare(permille: 1_000)])
    func frozenLotStaysAsItIs(start: ContestStart) {
        #expect(self.decisions(self.stock(pool: 20, isFrozen: true, start: start)).isEmpty)
    }

    @Test("a scarce lot goes to the contest when what is left of it can be held, and a chosen share at once")
    func largeRestIsSoldLocallyFirst() {
        func isContended(left: Int, start: ContestStart, waitlist: Int = 10_000) -> Bool {
            var rebalancer = Rebalancer()
            let terms = ContestTerms(policy: .stamp, waitlist: waitlist)
            // Requests for more than a hundred million items in a second, twice.
            for round in 0...1 as ClosedRange<Int64> {
                let samples = (1...4 as ClosedRange<UInt16>).map { unit in
                    Rebalancer.Sample(
                        unit: UnitID(unit), available: 0, offered: Int(round) * 100_000_000, starved: 0,
                        heardAt: Self.start.advanced(milliseconds: round * 1_000), isLive: true)
                }
                let stock = Rebalancer.Stock(
                    lot: Self.lot, issued: 1_000_000_000, pool: left, available: [], isFrozen: false, samples: samples,
                    start: start, terms: terms)
                if rebalancer.round(stock, now: Self.start) == [.contend(Self.lot, terms)] { return true }
            }
            return false
        }
        let room = Limits.contestedRequests / 4 - 10_000
        #expect(isContended(left: room, start: .whenScarce))
        #expect(!isContended(left: room + 1, start: .whenScarce))
        #expect(isContended(left: room + 1, start: .atShare(permille: 200)), "its sale was checked when it was created")
    }
}
