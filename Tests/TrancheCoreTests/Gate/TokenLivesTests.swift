import Testing
import TrancheCore

@Suite("Lives of tokens, in sums") struct TokenLivesTests {
    private struct Lot {
        var tokens = TokenLives()

        /// One report, `seconds` after the start. A token lives for two minutes.
        mutating func ended(_ seconds: Double, minted: Int, taken: Int) -> Int {
            self.tokens.observe(
                minted: minted, taken: taken, life: 120_000,
                now: Instant(milliseconds: 1_700_000_000_000 + Int64(seconds * 1_000)))
            return self.tokens.ended
        }
    }

    @Test("a token ends when an order uses it, and another one at the end of its life") func bothEndsCount() {
        var lot = Lot()
        #expect(lot.ended(0, minted: 10, taken: 0) == 0)
        #expect(lot.ended(2, minted: 10, taken: 4) == 4)
        #expect(lot.ended(119.9, minted: 10, taken: 4) == 4)
        #expect(lot.ended(120, minted: 10, taken: 4) == 10, "all, and each once")
    }

    @Test("orders of new tokens count beside old tokens that have expired unused") func usesAddToLapses() {
        var lot = Lot()
        _ = lot.ended(0, minted: 1_000, taken: 0)
        _ = lot.ended(2, minted: 1_000, taken: 400)
        #expect(lot.ended(121, minted: 1_000, taken: 400) == 1_000)
        _ = lot.ended(122, minted: 1_500, taken: 400)
        #expect(lot.ended(124, minted: 1_500, taken: 600) == 1_200, "200 of the 500 have ordered")
        #expect(lot.ended(243, minted: 1_500, taken: 600) == 1_500)
    }

    @Test("a burst that was used later than it was made is not counted twice") func usedLater() {
        var lot = Lot()
        _ = lot.ended(0, minted: 100, taken: 0)
        _ = lot.ended(60, minted: 100, taken: 100)
        for second in stride(from: 61.0, to: 181, by: 1) {
            #expect(lot.ended(second, minted: 150, taken: 100) == 100, "\(second) s")
        }
        #expect(lot.ended(181, minted: 150, taken: 100) == 150)
    }

    @Test("an order that expires leaves its token ended, and the next buyer's order ends another one")
    func returnedItems() {
        var lot = Lot()
        _ = lot.ended(0, minted: 10, taken: 0)
        #expect(lot.ended(1, minted: 10, taken: 6) == 6)
        #expect(lot.ended(31, minted: 10, taken: 1) == 6, "five items came back")
        #expect(lot.ended(33, minted: 10, taken: 3) == 8)
    }

    @Test("a token ends at most two seconds later than its life, however steadily tokens are made") func endsSoon() {
        var lot = Lot()
        for step in 0...4_000 {
            let seconds = Double(step) / 10
            let ended = lot.ended(seconds, minted: step + 1, taken: 0)
            let over = max(0, step - 1_200 + 1)
            #expect((over - 20...over).contains(ended), "\(ended) of \(over) after \(seconds) s")
        }
    }

    @Test("never more end than there are, whatever is reported", arguments: UInt64(1)...8) func anything(seed: UInt64) {
        var (draw, lot) = (SeededDraw(seed), Lot())
        var (minted, seconds, last) = (0, 0.0, 0)
        for _ in 0..<2_000 {
            // Also reports that are old, orders of several items, and a clock that steps back.
            let (more, later): (Int, Int) = (draw.below(60), draw.below(40))
            minted = max(0, minted + more - 5)
            seconds = max(0, seconds + Double(later) / 10 - 0.3)
            let taken: Int = draw.below(3_000)
            let ended = lot.ended(seconds, minted: minted, taken: taken)
            #expect((last...lot.tokens.minted).contains(ended))
            last = ended
        }
        let end = lot.ended(seconds + 250, minted: 0, taken: 0)
        #expect(end == lot.tokens.minted, "and all in the end")
    }

    @Test("absurd figures stop nothing", arguments: [Int.min, -1, 0, 1, .max]) func extremes(number: Int) {
        var lot = Lot()
        for moment in [0.0, 1, 500] {
            let ended = lot.ended(moment, minted: number, taken: number)
            #expect((0...lot.tokens.minted).contains(ended))
        }
    }
}
