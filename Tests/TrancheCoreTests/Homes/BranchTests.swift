import Testing
import TrancheCore

@Suite("Units added to an open sale") struct BranchTests {
    static let branch = UnitID(7)
    static let buyers = (0..<400).map { "buyer-\($0)" }
    /// Buyers of unit 1 who prefer the branch, and others.
    static let (movers, stayers) = (
        buyers.filter { Self.prefers($0) }, buyers.filter { !Self.prefers($0) }
    )

    static func prefers(_ buyer: String) -> Bool {
        HomeUnit.branch(of: BuyerID(buyer)!, among: [Branch(home: UnitID(1), unit: Self.branch)]) != nil
    }

    static func directives(
        _ bench: Bench, branches: [UnitID] = [Self.branch], generation: UInt32 = 1
    ) -> QuotaDirectives {
        let records = branches.map { BranchRecord(home: UnitID(1), unit: $0, generation: Generation(generation)) }
        return QuotaDirectives(
            epoch: Epoch(1), unit: UnitID(1), generation: bench.machine.book.generation,
            lots: [
                .init(
                    lot: Bench.lot, granted: bench.counters.granted, hint: nil, elsewhere: 0, branches: records)
            ])
    }

    static let referred = Answer.refused(.referred(to: Self.branch))

    @Test("a new buyer who prefers the branch is referred, others buy here") func newBuyersAreReferred() {
        let bench = Bench(granted: 10)
        bench.feed(.directives(Self.directives(bench)))
        #expect(bench.entries.contains(.branched(Bench.lot, Branch(home: UnitID(1), unit: Self.branch))))
        #expect(bench.buy(Self.movers[0]) == Self.referred)
        #expect(bench.buy(Self.movers[0]) == Self.referred, "for ever")
        #expect(bench.buy(Self.stayers[0])?.order != nil)
        #expect(bench.counters.sold == 1)
        bench.feed(.reportDue(nonce: 1))
        #expect(bench.reports.last?.lots.first?.offered == 1, "who is referred is no demand of the home")
    }

    @Test("a buyer with an order stays, also when the order has ended, and has one limit") func knownBuyersStay() {
        let bench = Bench(granted: 10, limit: 1)
        let (first, second) = (Self.movers[0], Self.movers[1])
        bench.buy(first)
        bench.buy(second)
        bench.feed(.directives(Self.directives(bench)))
        #expect(bench.buy(first) == .refused(.duplicate(held: 1, limit: 1)))
        bench.now = bench.now.advanced(milliseconds: 2_000)  // The payment window is one second.
        bench.feed(.tick)
        #expect(bench.counters.live == 0)
        #expect(bench.buy(second)?.order != nil, "the home may have sold more to a buyer than it holds now")
    }

    @Test("a restarted process knows its branches, and who had an order") func branchesOutliveARestart() {
        let bench = Bench(granted: 10)
        let order = bench.buy(Self.movers[0])?.order
        bench.feed(.directives(Self.directives(bench)))
        bench.now = bench.now.advanced(milliseconds: 2_000)
        bench.feed(.tick)
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        for entry in bench.entries { book.apply(entry) }
        for book in [book, UnitBook(book.parts)] {
            let next = Bench(book: book)
            next.start(granted: 10)
            // A bench numbers its orders from 1, as the first one did.
            #expect(next.buy(Self.movers[1], order: OrderID(high: 9, low: 1)) == Self.referred)
            let again = next.buy(Self.movers[0], order: OrderID(high: 9, low: 2))
            #expect(again?.order?.state == .reserved, "its order \(order?.id.description ?? "") has expired")
        }
    }

    @Test("a referral leaves when Redis has confirmed the process, and not before") func referralsAreFenced() {
        let bench = Bench(granted: 10)
        bench.feed(.directives(Self.directives(bench)))
        bench.redisAnswers = false
        #expect(bench.buy(Self.movers[0]) == nil)
        let fence = bench.steps.last?.fence ?? 0
        #expect(bench.steps.last?.admitted.isEmpty == true)
        #expect(bench.steps.last?.witness.position == UInt64(bench.entries.count), "Redis hears of the branch")
        bench.feed(.redisResult(lot: Bench.lot, fence: fence, .superseded))
        #expect(bench.replies.last?.answer == .refused(.recovering), "another process may have sold to this buyer")
        #expect(bench.stops.count == 1)
    }

    @Test("a referral whose step got no answer is asked for again", arguments: [RedisResult.lost, .unreachable])
    func unansweredReferralIsTransient(result: RedisResult) {
        let bench = Bench(granted: 10)
        bench.feed(.directives(Self.directives(bench)))
        bench.redisAnswers = false
        bench.buy(Self.movers[0])
        bench.feed(.redisResult(lot: Bench.lot, fence: bench.steps.last?.fence ?? 0, result))
        #expect(bench.replies.last?.answer == .refused(.recovering))
    }

    @Test("a referral that waits for Redis is no calm") func waitingReferralsAreMeasured() {
        let bench = Bench(granted: 10)
        bench.feed(.directives(Self.directives(bench)))
        bench.redisAnswers = false
        bench.buy(Self.movers[0])  // Its step is never over.
        bench.buy(Self.movers[1])
        _ = bench.machine.takeWaited(now: bench.now)
        bench.now = bench.now.advanced(milliseconds: 40)
        let oldest = bench.machine.takeWaited(now: bench.now)
        #expect(oldest == 40_000)
    }

    @Test("requests that waited for quota are referred when the branch comes") func starvedRequestsAreReferred() {
        let bench = Bench(granted: 0)
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 5)))
        #expect(bench.buy(Self.movers[0]) == nil, "it waits")
        bench.feed(.directives(Self.directives(bench)))
        bench.feed(.tick)  // The branch is durable now.
        #expect(bench.replies.last?.answer == Self.referred)
    }

    @Test("new buyers are referred in a contest, too, and enter none here") func contestsReferToo() {
        let bench = Bench(granted: 3)
        bench.feed(.directives(bench.directives(granted: 3, contest: 5)))
        bench.hear([], next: 0, allowance: 5)
        bench.feed(.directives(Self.directives(bench)))
        #expect(bench.buy(Self.movers[0]) == Self.referred)
        #expect(bench.buy(Self.stayers[0])?.order?.state == .contested)
        #expect(bench.machine.book.candidates(Bench.lot).count == 1)
    }

    @Test("the first preferred branch keeps its buyers when another one comes") func earlierBranchesKeepTheirs() {
        let (first, second) = (Branch(home: UnitID(1), unit: UnitID(7)), Branch(home: UnitID(1), unit: UnitID(8)))
        var counts: [UnitID?: Int] = [:]
        for buyer in Self.buyers.compactMap({ BuyerID($0) }) {
            let before = HomeUnit.branch(of: buyer, among: [first])
            let after = HomeUnit.branch(of: buyer, among: [first, second])
            if before != nil { #expect(after == before) }
            counts[after?.unit, default: 0] += 1
        }
        #expect(counts.count == 3 && counts.values.allSatisfy { $0 > 60 })
    }

    @Test("a unit is no branch of itself or of others, and a repeated directive changes nothing")
    func oddDirectivesChangeNothing() {
        let bench = Bench(granted: 10)
        bench.feed(.directives(Self.directives(bench, branches: [UnitID(1)])))
        #expect(bench.machine.book.branches.isEmpty && bench.alarms.count == 1)
        for _ in 0..<3 { bench.feed(.directives(Self.directives(bench))) }
        #expect(bench.machine.book.branches[Bench.lot]?.count == 1)
        #expect(bench.entries.count { if case .branched = $0 { true } else { false } } == 1)
    }
}
