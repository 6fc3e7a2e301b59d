import Testing
import TrancheCore

/// Which ledgers are accepted: copies, restored ones, and ledgers of settled generations.
extension QuotaTests {
    @Test("a copy of a living unit's ledger is not accepted, and changes nothing", arguments: [true, false])
    func copyOfLivingLedgerIsRefused(isCurrent: Bool) throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        let heads = isCurrent ? [self.head(1), self.head(9)] : [self.head(1)]
        let soon = Self.now.advanced(milliseconds: 300)
        #expect(self.register(&authority, &records, session: 8, heads: heads, now: soon) == .occupied)
        #expect(authority.book.units[Self.unit]?.session == 7)
        #expect(authority.book.stranded(Self.lot) == 0)
        let reply = authority.report(self.report(returned: 0, position: 12), now: soon, into: &records)
        guard case .directives = reply else {
            Issue.record("the living unit was told \(reply)")
            return
        }
        // A little later: the right ledger is let in, because its process was surely started anew; a copy still waits.
        let later = soon.advanced(milliseconds: QuotaAuthority.livingMilliseconds + 1)
        let second = self.register(
            &authority, &records, session: 8, heads: heads + (isCurrent ? [self.head(12)] : []), now: later)
        if isCurrent {
            guard case .accepted = second else {
                Issue.record("the right ledger was told \(second)")
                return
            }
        } else {
            #expect(second == .occupied)
        }
    }

    /// The ledger of a stranded generation comes back and proves itself. It reports how many items of that generation
    /// it has sold.
    ///
    /// - Returns: Its next generation.
    private func comesBack(
        _ authority: inout QuotaAuthority, _ records: inout [AuthorityRecord], live: Int, now: Instant
    ) throws -> Generation {
        let reply = self.register(
            &authority, &records, session: 9, heads: [self.head(1), self.head(90), self.head(95)], now: now)
        var next: Generation?
        if case .newGeneration(let directives) = reply { next = directives.generation }
        let generation = try #require(next, "the ledger was told \(reply)")
        let earlier = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: live)]
        _ = authority.report(
            self.report(returned: 0, position: 99, session: 9, generation: generation.rawValue, earlier: earlier),
            now: now, into: &records)
        return generation
    }

    @Test("a stranded generation is settled by its own ledger, when that comes back and proves itself")
    func strandedGenerationIsSettledByItsLedger() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        // While the unit was down, an old copy of its ledger was started: it gets a generation of its own.
        let copy = self.register(&authority, &records, session: 8, heads: [self.head(1)], now: Self.silent)
        guard case .newGeneration(let directives) = copy else {
            Issue.record("the copy was told \(copy)")
            return
        }
        #expect(directives.generation == Generation(2))
        #expect(authority.book.stranded(Self.lot) == 40)
        // Then the right disk comes back.
        let much = Self.silent.advanced(milliseconds: 10_000)
        let next = try self.comesBack(&authority, &records, live: 25, now: much)
        #expect(authority.book.stranded(Self.lot) == 0)
        #expect(authority.book.lots[Self.lot]?.pool == 75)
        let fewer = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: 24)]
        _ = authority.report(
            self.report(returned: 0, position: 102, session: 9, generation: next.rawValue, earlier: fewer),
            now: much, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 76, "a reservation of it expired")
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("an operator's count is not overruled by a ledger that shows less: it may be an older state of it")
    func operatorCountStands() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        try authority.strand(Self.unit, reason: "lost", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 30, into: &records)
        _ = try self.comesBack(&authority, &records, live: 12, now: Self.silent)
        #expect(authority.book.lots[Self.lot]?.pool == 70)
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("a unit in a generation that the log does not have is not accepted: the log was set back")
    func unknownGenerationIsRefused() throws {
        var (authority, records) = try self.authority()
        for generation in [2, Limits.generation] {
            let reply = self.register(
                &authority, &records, session: 9, generation: generation, heads: [self.head(1)], now: Self.silent)
            #expect(reply == .centerIsBehind)
        }
        #expect(authority.book.units[Self.unit]?.generation == Generation(1))
        #expect(authority.takeAlarms().count == 2)
    }

    @Test("a unit that contradicts the books again, after proving its ledger, is stranded again; the alarm comes once")
    func repeatedContradictionStrandsAgain() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 3, granted: 41), now: Self.now, into: &records)
        #expect(authority.book.stranded(Self.lot) == 40)
        guard
            case .accepted = self.register(
                &authority, &records, session: 9, heads: [self.head(1), self.head(3)], now: Self.silent)
        else {
            Issue.record("the ledger is the right one")
            return
        }
        #expect(authority.book.stranded(Self.lot) == 0)
        _ = authority.report(
            self.report(returned: 0, position: 9, session: 9, granted: 41), now: Self.silent, into: &records)
        #expect(authority.book.stranded(Self.lot) == 40)
        #expect(authority.takeAlarms().count == 1)
    }

    @Test("a ledger without a proof settles no earlier generation")
    func unprovedLedgerSettlesNothing()
        throws
    {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        _ = self.register(&authority, &records, session: 8, heads: [self.head(1)], now: Self.silent)
        let earlier = [UnitReport.Earlier(lot: Self.lot, generation: Generation(1), live: 0)]
        _ = authority.report(
            self.report(returned: 0, position: 3, session: 8, generation: 2, earlier: earlier), now: Self.silent,
            into: &records)
        #expect(authority.book.stranded(Self.lot) == 40)
    }

    @Test("a report that contradicts the books strands the unit's quota, and raises one alarm")
    func contradictingReportStrandsWithAlarm()
        throws
    {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        for position: UInt64 in [3, 4] {
            _ = authority.report(
                self.report(returned: 0, position: position, granted: 41), now: Self.now, into: &records)
        }
        #expect(authority.book.stranded(Self.lot) == 40)
        #expect(authority.takeAlarms().count == 1)
        #expect(try authority.grant(Self.lot, to: Self.unit, quantity: 5, into: &records) == 0)
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("a process whose ledger was set back under it is found by the proofs in its reports")
    func wrongProofFindsSetBackLedger() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        let good = self.report(returned: 0, position: 12, proves: self.head(9), proof: self.head(9))
        guard case .directives(let directives) = authority.report(good, now: Self.now, into: &records) else {
            Issue.record("a good proof was refused")
            return
        }
        #expect(directives.witness == self.head(12))
        for proof in [nil, LedgerHead(position: 12, digest: .init(high: 77, low: 0))] {
            var (authority, records) = (authority, records)
            let bad = self.report(returned: 0, position: 15, proves: self.head(12), proof: proof)
            #expect(authority.report(bad, now: Self.now, into: &records) == .superseded)
            #expect(authority.book.stranded(Self.lot) == 40)
            #expect(authority.takeAlarms().count == 1)
        }
    }

    @Test("a center that has lost its log accepts no unit whose ledger has more than the log")
    func centerBehindAdmitsNoUnit() throws {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        let request = RegisterRequest(
            unit: Self.unit, ledger: LedgerID(5), incarnation: Incarnation(4), generation: Generation(1),
            head: self.head(90), session: 8, hasGrants: true, answer: nil)
        #expect(authority.register(request, now: Self.now, into: &records) == .centerIsBehind)
        #expect(
            authority.report(self.report(returned: 0, position: 91, granted: 40), now: Self.now, into: &records)
                == .centerIsBehind)
        #expect(authority.book.units.isEmpty)
        #expect(!authority.takeAlarms().isEmpty)
    }

    @Test("a ledger that was set back is stranded, and gets a new generation") func setBackLedgerIsStranded() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        _ = authority.report(self.report(returned: 0, position: 90), now: Self.now, into: &records)
        let question = authority.register(self.request(session: 8, position: 50), now: Self.silent, into: &records)
        guard case .proofRequired(position: 90, let challenge, _) = question else {
            Issue.record("expected a question about position 90, got \(question)")
            return
        }
        let answer = ChallengeAnswer(challenge: challenge, proof: nil)
        let reply = authority.register(
            self.request(session: 8, position: 50, answer: answer), now: Self.silent, into: &records)
        guard case .newGeneration(let directives) = reply else {
            Issue.record("expected a new generation, got \(reply)")
            return
        }
        #expect(directives.generation == Generation(2))
        #expect(authority.book.stranded(Self.lot) == 40)
        #expect(authority.book.isConserved(Self.lot))
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        #expect(authority.book.lots[Self.lot]?.pool == 75)
        #expect(authority.book.stranded(Self.lot) == 0)
    }

    @Test("a settled account cannot be stranded again: its stock is in the pool")
    func settledAccountIsNotStrandedAgain() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        try authority.strand(Self.unit, reason: "test", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        try authority.strand(Self.unit, reason: "a retry", into: &records)
        #expect(authority.book.account(Self.lot, Self.unit, Generation(1)).status == .settled)
        let reply = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        #expect(reply == .registerFirst, "it must begin a new generation before it sells on")
    }

    @Test("a settlement can be corrected downwards, and never upwards")
    func settlementIsCorrectedDownwardsOnly() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 50, into: &records)
        let pool = authority.book.lots[Self.lot]!.pool
        #expect(throws: AuthorityError.notStranded(Self.lot, Self.unit, Generation(1))) {
            try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        }
        try authority.strand(Self.unit, reason: "test", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 24, into: &records)
        #expect(authority.book.lots[Self.lot]!.pool == pool + 26)
        #expect(authority.book.isConserved(Self.lot))
        #expect(throws: AuthorityError.soldOutOfRange(25, limit: 24)) {
            try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        }
    }

    @Test("a process whose generation was settled begins a new one before it sells")
    func settledProcessStartsNewGeneration() throws {
        var (authority, records) = try self.authority()
        _ = try authority.grant(Self.lot, to: Self.unit, quantity: 40, into: &records)
        try authority.strand(Self.unit, reason: "declared lost", into: &records)
        try authority.settle(Self.lot, Self.unit, Generation(1), sold: 25, into: &records)
        let told = authority.report(self.report(returned: 0, position: 9), now: Self.now, into: &records)
        #expect(told == .registerFirst)
        let question = authority.register(self.request(), now: Self.now, into: &records)
        guard case .proofRequired(position: 1, let challenge, _) = question else {
            Issue.record("expected a question, got \(question)")
            return
        }
        let proof = LedgerHead(position: 1, digest: .init(high: 1, low: 0))
        let answer = ChallengeAnswer(challenge: challenge, proof: proof)
        let reply = authority.register(self.request(answer: answer), now: Self.now, into: &records)
        guard case .newGeneration = reply else {
            Issue.record("expected a new generation, got \(reply)")
            return
        }
        #expect(authority.book.isConserved(Self.lot))
    }

    @Test("the same ledger proves itself and continues") func sameLedgerProvesItself() throws {
        var (authority, records) = try self.authority()
        let question = authority.register(self.request(session: 8, position: 9), now: Self.silent, into: &records)
        guard case .proofRequired(position: 1, let challenge, _) = question else {
            Issue.record("expected a question, got \(question)")
            return
        }
        let proof = LedgerHead(position: 1, digest: .init(high: 1, low: 0))
        let answer = ChallengeAnswer(challenge: challenge, proof: proof)
        let reply = authority.register(
            self.request(session: 8, position: 9, answer: answer), now: Self.silent, into: &records)
        guard case .accepted = reply else {
            Issue.record("expected acceptance, got \(reply)")
            return
        }
        // The process before it must stop.
        let late = authority.report(self.report(returned: 0, position: 2), now: Self.now, into: &records)
        #expect(late == .superseded)
    }
}
