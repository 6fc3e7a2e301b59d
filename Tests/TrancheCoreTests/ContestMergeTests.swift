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

        init(policy: ContestPolicy = .stamp, pool: Int = 1, waitlist: Int = 0, mayReturn: Int = 0) {
            self.merge = ContestMerge(
                lot: ContestMergeTests.lot, book: ContestBook(terms: .init(policy: policy, waitlist: waitlist)),
                now: ContestMergeTests.start, tie: { $0.low })
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

        /// Decides, and takes the log's word for it. Returns the orders that got stock.
        mutating func decide(mayReturn: Int = 0) -> [UInt64] {
            guard let batch = self.merge.decide(now: self.now) else { return [] }
            self.merge.committed(batch.number, pool: 0, coming: 0, mayReturn: mayReturn)
            return batch.allocated.map(\.low)
        }
    }

    @Test("a request below the watermark that its own unit promised is late, and counted") func brokenPromise() {
        var bench = Bench(pool: 1)
        bench.wait(300)
        bench.send(1, [], upTo: 100)
        bench.send(2, [], upTo: 5)
        bench.send(1, [(1, 50)], upTo: 200)
        #expect((bench.merge.lateCount, bench.merge.brokenPromises) == (1, 1))
        bench.send(2, [(2, 60)], upTo: 490)
        bench.wait(200)
        bench.send(1, [], upTo: 490)
        #expect(bench.decide() == [2], "the one who kept the promise goes first")
    }

    @Test("an old report that comes late, after an older look at the lot, says nothing of the new ledger")
    func olderReport() {
        var bench = Bench(pool: 5)
        let (old, new) = (Generation(1), Generation(2))
        func observe(_ generation: Generation) {
            bench.merge.observe(
                .init(batches: 0, pool: 5, mayReturn: 0, isClosed: false, members: [UnitID(1): generation]))
        }
        func receive(_ generation: Generation, _ orders: [UInt64]) {
            let candidates = orders.enumerated().map { index, order in
                Candidate(
                    index: index, order: OrderID(high: 0, low: order), quantity: 1,
                    stamp: Stamp(Self.start.advanced(milliseconds: Int64(index))), uncertainty: 500)
            }
            bench.merge.receive(
                .init(
                    lot: Self.lot, base: 0, candidates: candidates, end: candidates.count,
                    watermark: Stamp(Self.start.advanced(milliseconds: 100)), heard: 0), from: UnitID(1),
                generation: generation, isTrusted: true, now: bench.now)
        }
        observe(new)
        receive(new, [1])
        observe(old)  // Read before the other one.
        receive(old, [7, 8])
        observe(new)
        let batch = bench.merge.decide(now: bench.now)
        #expect(batch?.allocated == [OrderID(high: 0, low: 1)])
        #expect(batch?.released.isEmpty == true)
    }

    @Test("a unit's clock is judged by the round trips of the coordinator, whatever the unit says") func judgesClocks()
    {
        var judge = ClockJudge()
        func trip(_ offset: Int64) -> Bool {
            let sent = Self.start
            let heard = sent.advanced(milliseconds: 20 + offset)
            return judge.isTrusted(
                UnitID(1), echo: .init(sentAt: sent, heardAt: heard), sentAt: heard,
                receivedAt: sent.advanced(milliseconds: 40))
        }
        let isNewTrusted = judge.isTrusted(UnitID(1), echo: nil, sentAt: Self.start, receivedAt: Self.start)
        #expect(isNewTrusted)
        #expect(trip(0))
        #expect(trip(15), "within half of the delay nobody can tell")
        let ahead = Self.start.advanced(milliseconds: 90)
        let isAheadTrusted = judge.isTrusted(
            UnitID(2), echo: .init(sentAt: Self.start, heardAt: ahead), sentAt: ahead,
            receivedAt: Self.start.advanced(milliseconds: 40))
        #expect(!isAheadTrusted)
    }

    @Test("whoever came first wins, however late the message is") func firstCome() {
        var bench = Bench()
        bench.send(1, [(7, 20)], upTo: 30)
        #expect(bench.decide() == [])  // Unit 2 may have somebody earlier.
        bench.send(2, [(8, 10)], upTo: 30)
        #expect(bench.decide() == [8])
    }

    @Test("nobody passes before every watermark") func waits() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 25)
        bench.send(2, [], upTo: 19)
        #expect(bench.decide() == [])
        bench.send(2, [], upTo: 20)
        #expect(bench.decide() == [7])
    }

    @Test("equal stamps are ordered by tie key, not by unit") func ties() {
        var bench = Bench()
        bench.send(1, [(9, 10)], upTo: 30)
        bench.send(2, [(3, 10)], upTo: 30)
        #expect(bench.decide() == [3])
    }

    @Test("a silent unit is waited for no longer than holdMax; what it sends later is late, and counted")
    func excludes() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.wait(499)
        #expect(bench.decide() == [])
        bench.wait(40)
        bench.send(1, [], upTo: 530)
        #expect(bench.decide() == [7])
        bench.send(2, [(8, 10)], upTo: 540)
        #expect(bench.merge.lateCount == 1)
        // Its place is behind the frontier, where it came in; the stock is gone by then.
        bench.send(1, [(9, 535)], upTo: 540)
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [9])
    }

    @Test("a clock that is ahead, or was falsified, gives no advantage and holds nobody up") func distrusts() {
        var bench = Bench(pool: 2)
        bench.wait(50)
        bench.send(2, [(8, 1)], upTo: 45, isTrusted: false)
        bench.send(1, [(7, 20)], upTo: 45)
        #expect(bench.decide() == [7])
        #expect(bench.merge.lateCount == 1)
        bench.send(1, [], upTo: 51)
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [8])
        var ahead = Bench()
        ahead.send(2, [(8, 2_000)], upTo: 2_000)
        #expect(ahead.merge.lateCount == 1)
    }

    @Test("late requests are in order of receipt, not of their tie keys") func lateOrder() {
        var bench = Bench(pool: 1)
        bench.wait(50)
        bench.send(2, [(9, 1), (3, 2)], upTo: 45, isTrusted: false)
        bench.send(1, [], upTo: 51)
        #expect(bench.decide() == [9])
    }

    @Test("repeated and reordered reports change nothing") func idempotent() {
        var bench = Bench(pool: 3)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.send(1, [], upTo: 30)
        bench.send(1, [(8, 35)], upTo: 40)
        bench.send(2, [], upTo: 40)
        #expect(bench.decide() == [7, 8])
        bench.send(1, [], upTo: 50)
        bench.send(2, [], upTo: 50)
        #expect(bench.decide() == [])
    }

    @Test("a gap in the candidates holds the watermark back") func gaps() {
        var bench = Bench(pool: 2)
        bench.send(2, [], upTo: 30)
        let late = Candidate(
            index: 1, order: OrderID(high: 0, low: 9), quantity: 1, stamp: Stamp(Self.start.advanced(milliseconds: 20)),
            uncertainty: 0)
        bench.merge.receive(
            .init(
                lot: Self.lot, base: 0, candidates: [late], end: 2,
                watermark: Stamp(Self.start.advanced(milliseconds: 30)), heard: 0),
            from: UnitID(1), generation: Generation(1), isTrusted: true, now: bench.now)
        #expect(bench.decide() == [])
        #expect(bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now).next == 0)
    }

    @Test("stock that comes back goes down the waitlist, before newcomers") func waitlist() {
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

    @Test("nobody is sent away while stock is on its way back to the pool") func coming() {
        var bench = Bench(pool: 0)
        bench.observe(pool: 0, mayReturn: 2, coming: 2)
        bench.send(1, [(7, 10), (8, 11), (9, 12)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide(mayReturn: 2) == [])
        #expect(bench.merge.book.line.map(\.order.low) == [7, 8])
        bench.observe(pool: 2, mayReturn: 0)
        #expect(bench.decide(mayReturn: 2) == [7, 8])
    }

    @Test("whoever stands in the line keeps the place, also when what was coming does not come") func keepsTheLine() {
        var bench = Bench(pool: 0)
        bench.observe(pool: 0, mayReturn: 2, coming: 2)
        bench.send(1, [(7, 10), (8, 11)], upTo: 30)
        bench.send(2, [], upTo: 30)
        _ = bench.decide(mayReturn: 2)
        bench.observe(pool: 0, mayReturn: 2, coming: 0)
        #expect(bench.decide(mayReturn: 2) == [])
        #expect(bench.merge.book.line.map(\.order.low) == [7, 8])
    }

    @Test("a frozen contest decides nothing until it goes on") func frozen() {
        var bench = Bench(pool: 1)
        bench.send(1, [(7, 10)], upTo: 30)
        bench.send(2, [], upTo: 30)
        bench.observe(pool: 1, mayReturn: 0, isFrozen: true)
        #expect(bench.decide() == [])
        bench.observe(pool: 1, mayReturn: 0)
        #expect(bench.decide() == [7])
    }

    @Test("a stamp from far in the future is late, and stops nothing") func farFuture() {
        var bench = Bench(pool: 2)
        let wild = Candidate(
            index: 0, order: OrderID(high: 0, low: 9), quantity: 1, stamp: Stamp(rawValue: UInt64.max), uncertainty: 0)
        for watermark in [Stamp(rawValue: UInt64.max), Stamp(Self.start.advanced(milliseconds: 30))] {
            bench.merge.receive(
                .init(lot: Self.lot, base: 0, candidates: [wild], end: 1, watermark: watermark, heard: 0),
                from: UnitID(1), generation: Generation(1), isTrusted: true, now: bench.now)
        }
        #expect(bench.merge.lateCount == 1)
        bench.send(2, [(7, 20)], upTo: 30)
        #expect(bench.decide().sorted() == [7, 9])
        #expect(bench.merge.book.frontier.stamp < Stamp(rawValue: UInt64.max))
        #expect(Stamp(rawValue: UInt64.max).next == Stamp(rawValue: UInt64.max))
    }

    @Test("one decision takes no more than its limit, and the next one goes on") func batchLimit() {
        var bench = Bench(pool: 5_000)
        bench.send(1, (0..<2_500).map { (UInt64($0), 10) }, upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide().count == Limits.entrantsPerBatch)
        bench.observe(pool: 3_000, mayReturn: 0)
        #expect(bench.decide().count == 500)
    }

    @Test("when nothing can come back, everybody who waits is told") func hopeless() {
        var bench = Bench(waitlist: 5, mayReturn: 1)
        bench.send(1, [(7, 10), (8, 11)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.decide(mayReturn: 1) == [7])
        bench.observe(pool: 0, mayReturn: 0)
        #expect(bench.decide() == [])
        #expect(bench.merge.book.line.isEmpty)
        #expect(bench.merge.book.verdicts[UnitID(1)]?.map(\.kind) == [.allocated, .waitlisted, .released])
    }

    @Test("the allowance does not grow with the crowd") func allowance() {
        var bench = Bench(pool: 2, waitlist: 1)
        #expect(bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now).allowance == 3)
        bench.send(1, (0..<50).map { (UInt64($0), 10) }, upTo: 30)
        bench.send(2, [], upTo: 30)
        _ = bench.decide(mayReturn: 2)
        let reply = bench.merge.reply(to: UnitID(1), generation: Generation(1), heard: 0, now: bench.now)
        #expect(reply.next == 50)
        #expect(reply.allowance == 50)
    }

    @Test("rounds: within a window everybody is equal, and the tie key decides") func rounds() {
        var bench = Bench(policy: .rounds(milliseconds: 50))
        bench.send(1, [(9, 1)], upTo: 45)
        bench.send(2, [(3, 44)], upTo: 45)
        #expect(bench.decide() == [])  // The window is not over.
        bench.send(1, [], upTo: 50)
        bench.send(2, [], upTo: 50)
        #expect(bench.decide() == [3])
    }

    @Test("band-lottery: clear winners win, the band around the cut draws lots") func lottery() {
        var bench = Bench(policy: .bandLottery(microseconds: 2_000), pool: 2)
        bench.send(1, [(9, 1), (8, 20)], upTo: 40)
        bench.send(2, [(3, 21), (1, 30)], upTo: 40)
        // 9 is surely first; 8 and 3 are one millisecond apart, and 3 has the lower key; 1 came too late for the band.
        #expect(bench.decide() == [9, 3])
    }

    @Test("arrival: first come at the coordinator, and no waiting") func arrival() {
        var bench = Bench(policy: .arrival)
        bench.send(1, [(7, 20)], upTo: 30)
        #expect(bench.decide() == [7])
    }

    @Test("a batch with a lost answer is not repeated by the same merge") func oneAtATime() {
        var bench = Bench(pool: 2)
        bench.send(1, [(7, 20)], upTo: 30)
        bench.send(2, [], upTo: 30)
        #expect(bench.merge.decide(now: bench.now)?.number == 1)
        bench.send(1, [(8, 31)], upTo: 40)
        bench.send(2, [], upTo: 40)
        #expect(bench.merge.decide(now: bench.now) == nil)
    }
}

@Suite("Contests at the authority") struct ContestAuthorityTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)

    private func contended() throws -> (QuotaAuthority, Epoch) {
        var (authority, records) = (QuotaAuthority(book: AuthorityBook(), witnesses: [:]), [AuthorityRecord]())
        authority.takeOver(into: &records)
        try authority.issue(Self.lot, quantity: 2, into: &records)
        _ = authority.register(
            RegisterRequest(
                unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
                head: .empty, session: 1, answer: nil), now: Self.now, into: &records)
        _ = try authority.contend(Self.lot, .init(policy: .stamp, waitlist: 3), into: &records)
        let epoch = try authority.lead(url: "c", now: Self.now, into: &records)
        return (authority, epoch)
    }

    private func batch(
        number: UInt64 = 1, orders: [UInt64], allocated: [UInt64], generation: UInt32 = 1
    ) -> ContestBatch {
        let passed = orders.map { order in
            ContestBatch.Entrant(
                order: OrderID(high: 0, low: order), unit: UnitID(1), generation: Generation(generation), quantity: 1,
                place: Place(stamp: Stamp(rawValue: order), tie: 0), stamp: Stamp(rawValue: order), uncertainty: 0,
                isLate: false)
        }
        return ContestBatch(
            number: number, at: Self.now, frontier: passed.last?.place ?? .zero, passed: passed,
            allocated: allocated.map { OrderID(high: 0, low: $0) }, released: [], waited: [])
    }

    @Test("an allocation takes from the pool, and the stock is conserved") func allocates() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        let left = try authority.contest(
            Self.lot, self.batch(orders: [1, 2], allocated: [1]), by: epoch, now: Self.now, into: &records)
        #expect(left.pool == 1)
        #expect(left.mayReturn == 1)
        #expect(authority.book.allocated(Self.lot) == 1)
        #expect(authority.book.isConserved(Self.lot))
        #expect(authority.book.lots[Self.lot]?.contest?.line.map(\.order.low) == [2])
    }

    @Test("a batch that does not fit is refused, and changes nothing") func refuses() throws {
        let (fresh, epoch) = try self.contended()
        let cases: [(ContestBatch, Epoch)] = [
            (self.batch(orders: [1, 2, 3], allocated: [1, 2, 3]), epoch),  // More than the pool has.
            (self.batch(orders: [1], allocated: [9]), epoch),  // Not in the line.
            (self.batch(orders: [1], allocated: [1], generation: 2), epoch),  // Another ledger.
            (self.batch(number: 2, orders: [1], allocated: [1]), epoch),  // Out of turn.
            (self.batch(orders: [1], allocated: [1]), Epoch(0)),  // A coordinator that does not lead.
        ]
        for (batch, epoch) in cases {
            var (authority, records) = (fresh, [AuthorityRecord]())
            #expect(throws: AuthorityError.self) {
                try authority.contest(Self.lot, batch, by: epoch, now: Self.now, into: &records)
            }
            #expect(records.isEmpty)
        }
    }

    @Test("no quota is granted from a contended pool") func keepsThePool() throws {
        var (authority, epoch) = try self.contended()
        var records: [AuthorityRecord] = []
        _ = authority.carryOut([.grant(Self.lot, UnitID(1), quantity: 1)], by: epoch, into: &records)
        #expect(records.isEmpty)
    }
}
