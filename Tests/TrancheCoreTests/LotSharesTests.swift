import Testing
import TrancheCore

@Suite("Shares of lots in the waiting room") struct LotSharesTests {
    /// Lets requests of a lot wait until its share is used up, `most` at most.
    private func fill(_ shares: inout LotShares, _ lot: UInt32, most: Int = .max) -> Int {
        var count = 0
        while count < most, shares.exhausted(LotID(lot)) == nil {
            shares.countWaiting(LotID(lot))
            count += 1
        }
        return count
    }

    @Test("a lot alone uses half of the room, and the refusal names that number") func oneStorm() {
        var shares = LotShares(room: 1_000)
        #expect(self.fill(&shares, 1) == 500)
        #expect(shares.exhausted(LotID(1)) == 500)
        #expect(shares.waiting == 500)
    }

    @Test("a storm on one lot leaves room for every other lot") func stormBesideOthers() {
        var shares = LotShares(room: 1_000)
        _ = self.fill(&shares, 1)
        for lot in UInt32(2)...101 { #expect(self.fill(&shares, lot, most: 4) == 4, "lot \(lot)") }
        #expect(shares.exhausted(LotID(1)) == 100, "the stormed lot has more than its share by now")
    }

    @Test("storms at the same time never fill the room: one more lot always gets in", arguments: [1, 2, 10, 300])
    func manyStorms(storms: UInt32) {
        var shares = LotShares(room: 1_000)
        for _ in 0..<1_000 {
            for lot in 1...storms { _ = self.fill(&shares, lot, most: 1) }
        }
        #expect(shares.waiting < shares.room)
        #expect(shares.exhausted(LotID(5_000)) == nil)
    }

    @Test("of what one storm leaves, a later one takes half") func laterStorms() {
        var shares = LotShares(room: 1_000)
        #expect((UInt32(1)...4).map { self.fill(&shares, $0) } == [500, 250, 125, 63])
    }

    @Test("lots that are stormed at the same time get equal shares") func equalShares() {
        var shares = LotShares(room: 1_000)
        var counts: [UInt32: Int] = [:]
        for _ in 0..<1_000 {
            for lot in UInt32(1)...4 { counts[lot, default: 0] += self.fill(&shares, lot, most: 1) }
        }
        #expect(counts.values.allSatisfy { $0 == 200 }, "\(counts)")
    }

    @Test("no lot is refused while less than half of the room is used") func roomyEnough() {
        var shares = LotShares(room: 1_000)
        for number in 0..<500 {
            let lot = LotID(UInt32(number % 3))
            #expect(shares.exhausted(lot) == nil)
            shares.countWaiting(lot)
        }
    }

    @Test("after the engine has taken what waits, the whole room is free again") func reset() {
        var shares = LotShares(room: 1_000)
        _ = self.fill(&shares, 1)
        shares.reset()
        #expect(shares.waiting == 0 && self.fill(&shares, 1) == 500)
    }

    @Test("requests that the engine has taken keep their places until it is quiet") func takenRequestsCount() {
        var shares = LotShares(room: 1_000)
        _ = self.fill(&shares, 1, most: 300)
        shares.tookAll(behind: WaitingRequests())
        #expect(shares.waiting == 0 && self.fill(&shares, 1) == 200, "300 of the lot wait elsewhere")
        var behind = WaitingRequests()
        behind.count(400, of: LotID(1))
        shares.reset(behind: behind)
        #expect(self.fill(&shares, 1) == 100)
        #expect(self.fill(&shares, 2, most: 10) == 10, "another lot has its share")
        shares.reset()
        #expect(self.fill(&shares, 1) == 500)
    }

    @Test("a room that gets smaller refuses until there is room again") func smallerRoom() {
        var shares = LotShares(room: 1_000)
        _ = self.fill(&shares, 1)
        shares.room = 100
        #expect(shares.exhausted(LotID(1)) == 0 && shares.exhausted(LotID(2)) == 0)
        shares.reset()
        #expect(self.fill(&shares, 2) == 50)
    }
}
