import Testing
import TrancheCore

@Suite("Settlement") struct SettlementTests {
    private static let (lot, unit) = (SoldSale.lot, UnitID(1))

    /// Unit 1 holds 10 of 20, has sold 4 and was paid for all of them.
    private func sale() throws -> SoldSale {
        var sale = SoldSale()
        try sale.issue(20)
        try sale.grant(10, to: Self.unit)
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 4, paid: 4)])
        return sale
    }

    private func refusal(of sale: SoldSale) -> Settlement.Refusal? {
        do throws(Settlement.Refusal) {
            try Settlement.check([Self.lot], rollout: sale.rollout, sale.authority, now: sale.now)
            return nil
        } catch { return error }
    }

    @Test("recent reports of all units with outstanding quota settle a sale") func recentReportsSettleSale() throws {
        #expect(self.refusal(of: try self.sale()) == nil)
    }

    @Test("a unit that holds quota and does not report blocks the settlement") func needsFreshReports() throws {
        var sale = try self.sale()
        sale.fallSilent()
        #expect(self.refusal(of: sale) == .silent(Self.unit, Self.lot, held: 10))
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 4, paid: 4)])
        #expect(self.refusal(of: sale) == nil)
    }

    @Test("a unit that never reported to this center blocks the settlement") func needsAnyReport() throws {
        var sale = try self.sale()
        sale.authority = QuotaAuthority(book: sale.authority.book, witnesses: sale.authority.witnesses)
        #expect(self.refusal(of: sale) == .silent(Self.unit, Self.lot, held: 10))
    }

    @Test("a silent unit that holds nothing does not block the settlement") func emptyMayBeSilent() throws {
        var sale = SoldSale(units: [1, 2])
        try sale.issue(20)
        sale.fallSilent()
        #expect(self.refusal(of: sale) == nil)
    }

    @Test("a unit that has not applied the closing blocks the settlement: it may still sell") func needsTheVersion()
        throws
    {
        var sale = try self.sale()
        sale.rollout.begin(SoldSale.version + 1, units: sale.units, isUrgent: true)
        #expect(self.refusal(of: sale) == .behind(Self.unit, version: SoldSale.version + 1))
        sale.rollout.took(Self.unit, version: SoldSale.version + 1)
        #expect(self.refusal(of: sale) == nil)
    }

    @Test("a report without the lot blocks the settlement") func needsTheLot() throws {
        var sale = try self.sale()
        sale.report(Self.unit, [])
        #expect(self.refusal(of: sale) == .untold(Self.unit, Self.lot))
    }

    @Test("orders that wait for their payment block the settlement") func waitsForPayments() throws {
        var sale = try self.sale()
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 6, paid: 4)])
        #expect(self.refusal(of: sale) == .reserved(Self.unit, Self.lot, quantity: 2))
    }

    @Test("what a contest allocated blocks the settlement until the unit has it, and it is paid")
    func waitsForAllocations() throws {
        var sale = try self.sale()
        _ = try sale.authority.contend(Self.lot, .init(policy: .stamp, waitlist: 3), into: &sale.records)
        let epoch = try sale.authority.lead(url: "c", now: sale.now, into: &sale.records)
        let entrant = ContestBatch.Entrant(
            order: OrderID(high: 0, low: 1), unit: Self.unit, generation: Generation(1), quantity: 1,
            place: Place(stamp: Stamp(rawValue: 1), tie: 0), stamp: Stamp(rawValue: 1), uncertainty: 0, isLate: false,
            index: 0)
        let batch = ContestBatch(
            number: 1, at: sale.now, frontier: entrant.place, passed: [entrant], allocated: [entrant.order],
            released: [], waited: [])
        _ = try sale.authority.record(Self.lot, batch, by: epoch, now: sale.now, into: &sale.records)
        #expect(self.refusal(of: sale) == .allocating(Self.unit, Self.lot, quantity: 1))
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 5, paid: 4)], allocated: [Self.lot: 1])
        #expect(self.refusal(of: sale) == .reserved(Self.unit, Self.lot, quantity: 1))
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 5, paid: 5)], allocated: [Self.lot: 1])
        #expect(self.refusal(of: sale) == nil)
    }

    @Test("stranded quota must be settled first, also if its unit reports") func needsStrandedSettled() throws {
        var sale = try self.sale()
        try sale.authority.strand(Self.unit, reason: "lost", into: &sale.records)
        let generation = Generation(1)
        #expect(self.refusal(of: sale) == .stranded(Self.unit, Self.lot, generation, quantity: 10))
        try sale.authority.settle(Self.lot, Self.unit, generation, sold: 4, into: &sale.records)
        #expect(self.refusal(of: sale) == nil)
    }

    @Test("a ledger that shows more than was settled blocks the settlement until its unit is silent")
    func noticesUndercount() throws {
        var sale = try self.sale()
        try sale.authority.strand(Self.unit, reason: "lost", into: &sale.records)
        try sale.authority.settle(Self.lot, Self.unit, Generation(1), sold: 3, into: &sale.records)
        // The ledger comes back: the settled generation is over, and the reports of the next one contain it.
        guard
            case .proofRequired(_, let challenge, _) = sale.authority.register(
                self.request(answer: nil), now: sale.now, into: &sale.records)
        else {
            Issue.record("no question")
            return
        }
        let answer = ChallengeAnswer(
            challenge: challenge, proof: sale.authority.witnesses[Self.unit], earlier: [])
        sale.fallSilent()
        guard
            case .newGeneration = sale.authority.register(
                self.request(answer: answer), now: sale.now, into: &sale.records)
        else {
            Issue.record("no new generation")
            return
        }
        sale.report(
            Self.unit, [(Self.lot, granted: 0, sold: 0, paid: 0)], generation: Generation(2),
            earlier: [.init(lot: Self.lot, generation: Generation(1), live: 4)])
        #expect(
            self.refusal(of: sale) == .undercounted(Self.unit, Self.lot, Generation(1), settled: 3, shown: 4))
        sale.fallSilent()
        #expect(self.refusal(of: sale) == nil)
    }

    private func request(answer: ChallengeAnswer?) -> RegisterRequest {
        RegisterRequest(
            unit: Self.unit, ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1),
            head: .empty, session: 1, answer: answer)
    }
}
