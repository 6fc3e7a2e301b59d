import Testing
import TrancheCore

@Suite("Room of a unit's queue in a contest") struct ContestRivalsTests {
    /// Repeats with its seed (SplitMix64).
    struct Draw: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = self.state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }
    }

    /// A unit in a contest, and the rule of its room as a plain walk over all candidates.
    struct Crowd {
        let bench: Bench
        var allowance = 4
        private var told = 0

        init() {
            self.bench = Bench(granted: 0, limit: 1_000)
            self.bench.feed(.directives(self.bench.directives(granted: 0, contest: self.allowance)))
        }

        /// Undecided candidates that want more do not count.
        func rivals(_ quantity: Int) -> Int {
            let book = self.bench.machine.book
            return book.candidates(Bench.lot).count {
                !(book.orders.state(of: $0.order) == .contested && $0.quantity > quantity)
            }
        }

        mutating func decide(_ draw: inout Draw) {
            let candidates = self.bench.machine.book.candidates(Bench.lot)
            guard let candidate = candidates.randomElement(using: &draw) else { return }
            self.allowance += draw.below(3)
            self.bench.hear(
                [(candidate.order, [.allocated, .waitlisted, .released][draw.below(3)])], next: candidates.count,
                allowance: self.allowance, from: self.told)
            self.told += 1
        }
    }

    @Test("a request enters as if all candidates were counted for it", arguments: 1...12 as ClosedRange<UInt64>)
    func countsAgreeWithTheWalk(seed: UInt64) {
        var (draw, crowd) = (Draw(state: seed), Crowd())
        var outcomes: Set<Bool> = []
        for number in 0..<400 {
            switch draw.below(8) {
            case 0, 1: crowd.decide(&draw)
            case 2:
                if let one = crowd.bench.machine.book.candidates(Bench.lot).randomElement(using: &draw) {
                    crowd.bench.feed(.cancel(one.order, ticket: 1))
                }
            default:
                // Often small, sometimes as large as an order can be.
                let quantity = 1 + draw.below(draw.below(4) == 0 ? 1_000 : 4)
                let hasRoom = crowd.rivals(quantity) < crowd.allowance
                let answer = crowd.bench.buy("buyer \(number)", quantity: quantity)
                #expect((answer?.order != nil) == hasRoom, "request \(number) for \(quantity)")
                outcomes.insert(hasRoom)
            }
        }
        #expect(outcomes.count == 2, "both answers came")
    }

    @Test("a new generation of the ledger begins without the old candidates") func newGenerationBeginsEmpty() {
        let bench = Bench(granted: 0, limit: 9)
        bench.feed(.directives(bench.directives(granted: 0, contest: 1)))
        for (buyer, quantity) in [("a", 9), ("b", 5), ("c", 3)] {
            #expect(bench.buy(buyer, quantity: quantity)?.order?.state == .contested)
        }
        #expect(bench.machine.book.undecided(Bench.lot, above: 3) == 2)
        var book = bench.machine.book
        book.apply(.generation(Generation(2)))
        #expect(book.undecided(Bench.lot, above: 0) == 0)
        let new = Order(
            id: OrderID(high: 7, low: 7), buyer: BuyerID("d")!, lot: Bench.lot, quantity: 9, buyerLimit: 9,
            generation: Generation(2), state: .contested, stamp: Stamp(rawValue: 9), deadline: .distantFuture)
        book.apply(.contested(new, uncertaintyMicroseconds: 1))
        // The ledger may still say that an old candidate lost: it is not in the new queue.
        book.apply(.lost(bench.machine.book.orders[OrderID(high: 1, low: 1)]!))
        #expect(book.undecided(Bench.lot, above: 8) == 1)
    }
}
