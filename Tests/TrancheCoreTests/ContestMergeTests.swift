import Testing
import TrancheCore

@Suite("Merge") struct ContestMergeTests {
    static let start = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)

    /// A contest of units 1 and 2; orders are numbers, and an order's tie key is its number.
    struct Bench {
        var merge: ContestMerge
        var now = ContestMergeTests.start
        var sent: [UnitID: [Candidate]] = [:]

        init(
            policy: ContestPolicy = .stamp, pool: Int = 1, waitlist: Int = 0, mayReturn: Int = 0,
            settings: ContestMerge.Settings = .init()
        ) {
            self.merge = ContestMerge(
                lot: ContestMergeTests.lot, book: ContestBook(terms: .init(policy: policy, waitlist: waitlist)),
                settings: settings, now: ContestMergeTests.start, tie: { $0.low })
            self.observe(pool: pool, mayReturn: mayReturn)
        }

        mutating func observe(pool: Int, mayReturn: Int, coming: Int = 0, isFrozen: Bool = false) {
            let generation = Generation(1)
            self.merge.observe(
                .init(
                    batches: self.merge.book.batches, pool: pool, coming: coming, mayReturn: mayReturn,
                    isClosed: false, isFrozen: isFrozen,
                    members: [UnitID(1): generation, UnitID(2): generation]))
        }

        /// A unit sends requests with these stamps, in milliseconds after the start, and its watermark.
        mutating func send(
            _ unit: UInt16, _ requests: [(order: UInt64, at: Int64)], upTo: Int64, isTrusted: Bool = true
        ) {
            var candidates = self.sent[UnitID(unit)] ?? []
            for request in requests {
                candidates.append(
                    Candidate(
                        index: candidates.count, order: OrderID(high: 0, low: request.order), quantity: 1,
                        stamp: Stamp(ContestMergeTests.start.advanced(milliseconds: request.at)), uncertainty: 500))
            }
            self.sent[UnitID(unit)] = candidates
            self.merge.receive(
                .init(
                    lot: ContestMergeTests.lot, base: 0, candidates: candidates, end: candidates.count,
                    watermark: Stamp(ContestMergeTests.start.advanced(milliseconds: upTo)), heard: 0),
                from: UnitID(unit), generation: Generation(1), isTrusted: isTrusted, now: self.now)
        }

        mutating func wait(_ milliseconds: Int64) { self.now = self.now.advanced(milliseconds: milliseconds) }

        /// Decides, and lets the log accept the decision. Returns the orders that got stock.
        mutating func decide(mayReturn: Int = 0) -> [UInt64] {
            guard let batch = self.merge.decide(now: self.now) else { return [] }
            self.merge.committed(batch.number, pool: 0, coming: 0, mayReturn: mayReturn)
            return batch.allocated.map(\.low)
        }
    }

    @Test("the earliest stamp wins, also if its message comes late") func firstStampWinsDespiteLateMessage() {
        var bench = Bench()
        bench.send(1, [(7, 20)], upTo: 30)
        #expect(bench.decide() == [])  // Unit 2 may have an earlier request.
        bench.send(2, [(8, 10)], upTo: 30)
        #expect(bench.decide() == [8])
    }

    @Test("equal stamps are ordered by tie key, not by unit") func equalStampsGoByTieKey() {
        var bench = Bench()
        bench.send(1, [(9, 10)], upTo: 30)
        bench.send(2, [(3, 10)], upTo: 30)
        #expect(bench.decide() == [3])
    }

    @Test("late requests are in order of receipt, not of their tie keys") func lateRequestsGoByReceipt() {
        var bench = Bench(pool: 1)
        bench.wait(50)
        bench.send(2, [(9, 1), (3, 2)], upTo: 45, isTrusted: false)
        bench.send(1, [], upTo: 51)
        #expect(bench.decide() == [9])
    }

    @Test("returned stock goes down the waitlist, before new requests") func returnsGoDownTheWaitlist() {
        var bench = Bench(waitlist: 2, mayReturn: 1)
        bench.send(1, [(7, 10), (8, 11), (9, 12)], upTo: 30)
        bench.send(2, [(4, 13)], upTo: 30)
        #expect(bench.decide(mayReturn: 1) == [7])
        #expect(bench.merge.book.line.map(\.order.low) == [8, 9])  // There is room for two; 4 is released at once.
        let verdicts = bench.merge.reply(to: UnitID(2), generation: Generation(1), heard: 0, now: bench.now).verdicts
        #expect(verdicts.map(\.kind) == [.released])
        bench.observe(pool: 1, mayReturn: 0)
        bench.send(2, [(5, 31)], upTo: 40)
        bench.send(1, [], upTo: 40)
        #expect(bench.decide(mayReturn: 1) == [8])
        #expect(bench.merge.book.line.map(\.order.low) == [9, 5])
    }

    @Test("no candidate is refused while stock is on its way back to the pool") func nothingIsReleasedWhileStockComes()
    {
        var bench = Bench(pool: 0)
        bench.observe(pool: 0, mayReturn: 2, coming: 2)
        bench.send(1, [(7, 10), (8, 11), (9, 12)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide(mayReturn: 2) == [])
        #expect(bench.merge.book.line.map(\.order.low) == [7, 8])
        bench.observe(pool: 2, mayReturn: 0)
        #expect(bench.decide(mayReturn: 2) == [7, 8])
    }

    @Test("an order in the line keeps its place, also when expected stock does not come")
    func waitlistedOrderKeepsItsPlace() {
        var bench = Bench(pool: 0)
        bench.observe(pool: 0, mayReturn: 2, coming: 2)
        bench.send(1, [(7, 10), (8, 11)], upTo: 30)
        bench.send(2, [], upTo: 30)
        _ = bench.decide(mayReturn: 2)
        bench.observe(pool: 0, mayReturn: 2, coming: 0)
        #expect(bench.decide(mayReturn: 2) == [])
        #expect(bench.merge.book.line.map(\.order.low) == [7, 8])
    }

    @Test("one decision has at most the limit of requests, and the next one continues")
    func decisionStaysWithinItsLimit() {
        var bench = Bench(pool: 5_000)
        bench.send(1, (0..<2_500).map { (UInt64($0), 10) }, upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide().count == Limits.entrantsPerBatch)
        bench.observe(pool: 3_000, mayReturn: 0)
        #expect(bench.decide().count == 500)
    }

    @Test("when no stock can come back, every waiting order is released") func everyoneIsReleasedWithoutReturns() {
        var bench = Bench(waitlist: 5, mayReturn: 1)
        bench.send(1, [(7, 10), (8, 11)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide(mayReturn: 1) == [7])
        bench.observe(pool: 0, mayReturn: 0)
        #expect(bench.decide() == [])
        #expect(bench.merge.book.line.isEmpty)
        #expect(bench.merge.book.verdicts(of: UnitID(1), from: 0).map(\.kind) == [.allocated, .waitlisted, .released])
    }

    @Test("the allowance does not grow with the number of requests") func allowanceIgnoresTheCrowd() {
        var bench = Bench(pool: 2, waitlist: 1)
        #expect(bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now).allowance == 3)
        bench.send(1, (0..<50).map { (UInt64($0), 10) }, upTo: 30)
        bench.send(2, [], upTo: 30)
        _ = bench.decide(mayReturn: 2)
        let reply = bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now)
        #expect(reply.next == 50)
        #expect(reply.allowance == 50)
    }

    @Test("at the limit of a contest's requests no allowance is raised, and what was allowed is decided")
    func allowanceStopsAtTheLimit() {
        var settings = ContestMerge.Settings()
        settings.requestsMax = 3
        var bench = Bench(pool: 4, settings: settings)
        func allowance(_ unit: UInt16) -> Int {
            bench.merge.reply(to: UnitID(unit), generation: Generation(1), heard: 0, now: bench.now).allowance
        }
        bench.send(1, [(7, 10), (8, 11)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(allowance(1) == 4)
        #expect(bench.decide() == [7, 8])
        bench.observe(pool: 4, mayReturn: 0)
        #expect(allowance(1) == 6)
        bench.send(1, [(9, 31)], upTo: 40)
        bench.send(2, [], upTo: 40)
        #expect(bench.decide() == [9])
        bench.observe(pool: 9, mayReturn: 0)
        #expect(allowance(1) == 6, "stock that came back allows nothing more")
        bench.send(1, [(5, 41), (6, 42)], upTo: 50)
        bench.send(2, [], upTo: 50)
        #expect(bench.decide() == [5, 6])
    }

    @Test("rounds: within a window all requests are equal, and the tie key decides") func roundsDrawLotsWithinWindow() {
        var bench = Bench(policy: .rounds(milliseconds: 50))
        bench.send(1, [(9, 1)], upTo: 45)
        bench.send(2, [(3, 44)], upTo: 45)
        #expect(bench.decide() == [])  // The window is not over.
        bench.send(1, [], upTo: 50)
        bench.send(2, [], upTo: 50)
        #expect(bench.decide() == [3])
    }

    @Test("band-lottery: clear winners win, the band around the cut draws lots") func bandLotteryDrawsLotsAtCut() {
        var bench = Bench(policy: .bandLottery(microseconds: 2_000), pool: 2)
        bench.send(1, [(9, 1), (8, 20)], upTo: 40)
        bench.send(2, [(3, 21), (1, 30)], upTo: 40)
        // 9 is surely first; 8 and 3 are one millisecond apart, and 3 has the lower key; 1 came too late for the band.
        #expect(bench.decide() == [9, 3])
    }

    @Test("arrival: the order of arrival at the coordinator decides, without waiting") func arrivalPolicyNeverWaits() {
        var bench = Bench(policy: .arrival)
        bench.send(1, [(7, 20)], upTo: 30)
        #expect(bench.decide() == [7])
    }
}
