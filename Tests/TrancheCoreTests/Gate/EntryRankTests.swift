import Testing
import TrancheCore

@Suite("Ranks of entries") struct EntryRankTests {
    private let opening = Instant(milliseconds: 1_700_000_000_000)

    /// The value of chi-squared for equal bins.
    private func chiSquared(_ bins: [Int]) -> Double {
        let expected = Double(bins.reduce(0, +)) / Double(bins.count)
        return bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    }

    @Test("10,000 draws are uniform over the ranks", arguments: [UInt64(1), 2, 3]) func drawsAreUniform(
        seed: UInt64
    ) throws {
        let hash = SipHash(key: (seed, 77))
        var bins = [Int](repeating: 0, count: 100)
        for number in 0..<10_000 {
            let rank = EntryRank(draw: hash.hash(try #require(BuyerID("buyer-\(number)"))))
            #expect(rank.isDrawn && rank > .nobody)
            bins[Int(rank.rawValue.multipliedFullWidth(by: 200).high)] += 1
        }
        // 99 degrees of freedom: a uniform draw exceeds 134.6 in one case of a hundred.
        #expect(self.chiSquared(bins) < 134.6, "\(self.chiSquared(bins))")
    }

    @Test("every draw is before every arrival") func drawsBeforeArrivals() {
        let arrivals = [Int64.min, 0, 1, 1_700_000_000_000_000, .max].map {
            EntryRank(arrivedAt: Instant(microseconds: $0))
        }
        for draw in [0, 1, 2, UInt64.max] {
            for arrival in arrivals { #expect(EntryRank(draw: draw) < arrival) }
        }
        #expect(EntryRank(draw: .max) == .lastDrawn && arrivals == arrivals.sorted())
    }

    @Test("no entry has the rank of nobody, and every entry passes the rank of everybody") func ends() {
        #expect(EntryRank(draw: 0) > .nobody && EntryRank(draw: 1) > .nobody)
        #expect(EntryRank(arrivedAt: .distantFuture) <= .everybody)
        #expect(EntryRank(arrivedAt: .distantPast) > .lastDrawn)
    }

    @Test("a rank of an arrival tells its moment") func arrival() {
        #expect(EntryRank(arrivedAt: self.opening).arrivedAt == self.opening)
        #expect(EntryRank(draw: 12).arrivedAt == nil)
    }

    @Test("texts compare as ranks do, and come back", arguments: [UInt64(1), 2]) func texts(seed: UInt64) {
        var draw = SeededDraw(seed)
        for _ in 0..<1_000 {
            let (left, right) = (EntryRank(rawValue: draw.next()), EntryRank(rawValue: draw.next()))
            #expect((left < right) == (left.text < right.text))
            #expect(EntryRank(text: left.text) == left && left.text.utf8.count == 16)
        }
    }

    @Test(
        "other texts are refused",
        arguments: [
            "", "0", "00000000000000000", "00000000000000FF", "000000000000000g", "0x00000000000000",
            "+000000000000001",
        ])
    func badTexts(text: String) {
        #expect(EntryRank(text: text) == nil)
    }

    @Test("the policies have the names of the documents") func names() {
        #expect(LinePolicy.allCases.map(\.rawValue) == ["open", "first-come", "lottery", "lottery-then-first-come"])
        #expect(LinePolicy.allCases.map(\.isDrawn) == [false, false, true, true])
        #expect(LinePolicy.allCases.map(\.needsEntry) == [false, true, true, true])
    }

    @Test("who enters before the opening is drawn; at the opening it is too late for that") func drawEndsAtOpening() {
        let before = Instant(microseconds: self.opening.microseconds - 1)
        for policy in [LinePolicy.lottery, .lotteryThenFirstCome] {
            #expect(
                EntryLine.rank(policy, arrivedAt: before, opensAt: self.opening, draw: 99)
                    == .success(EntryRank(draw: 99)))
        }
        #expect(
            EntryLine.rank(.lottery, arrivedAt: self.opening, opensAt: self.opening, draw: 99)
                == .failure(.entryClosed(openedAt: self.opening)))
        #expect(
            EntryLine.rank(.lotteryThenFirstCome, arrivedAt: self.opening, opensAt: self.opening, draw: 99)
                == .success(EntryRank(arrivedAt: self.opening)))
    }

    @Test("first come is by arrival, before the opening and after it", arguments: [-1_000, 0, 1_000] as [Int64])
    func firstCome(offset: Int64) {
        let arrivedAt = self.opening.advanced(milliseconds: offset)
        for policy in [LinePolicy.firstCome, .open] {
            #expect(
                EntryLine.rank(policy, arrivedAt: arrivedAt, opensAt: self.opening, draw: 1)
                    == .success(EntryRank(arrivedAt: arrivedAt)))
        }
    }

    @Test("a threshold only rises, in any order of its copies") func threshold() {
        var threshold = LineThreshold()
        #expect(!threshold.admits(EntryRank(draw: 0)))
        threshold.merge(LineThreshold(EntryRank(draw: 500)))
        threshold.merge(LineThreshold(EntryRank(draw: 100)))
        #expect(threshold.admits(EntryRank(draw: 500)) && !threshold.admits(EntryRank(draw: 502)))
    }
}
