import Testing
import TrancheCore

@Suite("Readiness of a sale") struct SaleReadinessTests {
    private static let unit = UnitID(1)
    private static let lots = [
        PlannedLot(
            lot: SoldSale.lot, stock: 20, start: .never, terms: ContestTerms(policy: .stamp, waitlist: 0),
            parts: [.init(unit: unit, quantity: 10)])
    ]

    private func missing(_ sale: SoldSale) -> [SaleReadiness.Missing] {
        SaleReadiness(Self.lots, rollout: sale.rollout, sale.authority, now: sale.now).missing
    }

    /// One unit, which holds what was planned.
    private func sale() -> SoldSale {
        var sale = SoldSale()
        _ = sale.authority.warm(Self.lots, into: &sale.records)
        sale.report(Self.unit, [(SoldSale.lot, granted: 10, sold: 0, paid: 0)])
        return sale
    }

    @Test("a sale is ready when every unit reports, has the newest version, its quota, and the lot in Redis")
    func saleNeedsEveryUnitReady() {
        let sale = self.sale()
        #expect(SaleReadiness(Self.lots, rollout: sale.rollout, sale.authority, now: sale.now).isReady)
    }

    @Test("a lot that the log does not have is found, also behind one that it has") func findsUnissuedLot() {
        let authority = self.sale().authority
        #expect(SaleReadiness.unissued([SoldSale.lot], authority) == nil)
        #expect(SaleReadiness.unissued([SoldSale.lot, LotID(99)], authority) == LotID(99))
    }

    @Test("a silent unit is named as such, and nothing else is said about it") func namesSilent() {
        var sale = self.sale()
        sale.fallSilent()
        #expect(self.missing(sale) == [.report(Self.unit)])
    }

    @Test("a unit that has not applied the newest version is named") func namesOldVersion() {
        var sale = self.sale()
        sale.rollout.begin(SoldSale.version + 1, units: sale.units, isUrgent: false)
        #expect(self.missing(sale) == [.version(Self.unit, SoldSale.version + 1)])
    }

    @Test("quota that the unit has not confirmed is missing, and a drained unit is named as drained") func namesQuota()
        throws
    {
        var sale = self.sale()
        sale.report(Self.unit, [(SoldSale.lot, granted: 9, sold: 0, paid: 0)])
        #expect(
            self.missing(sale) == [.quota(Self.unit, SoldSale.lot, held: 9, planned: 10, isDrained: false)])
        try sale.authority.setDrained(Self.unit, true, into: &sale.records)
        #expect(self.missing(sale) == [.quota(Self.unit, SoldSale.lot, held: 9, planned: 10, isDrained: true)])
    }

    @Test("a lot that is not in the unit's Redis, or not in its report, is not primed") func namesPriming() {
        var sale = self.sale()
        sale.report(Self.unit, [(SoldSale.lot, granted: 10, sold: 0, paid: 0)], isPrimed: false)
        #expect(self.missing(sale) == [.priming(Self.unit, SoldSale.lot)])
        sale.report(Self.unit, [])
        #expect(
            self.missing(sale) == [
                .quota(Self.unit, SoldSale.lot, held: 0, planned: 10, isDrained: false),
                .priming(Self.unit, SoldSale.lot),
            ])
    }

    @Test("a unit that came after the plan needs no quota for the opening") func newcomerNeedsNoQuota() {
        var sale = SoldSale(units: [1, 2])
        _ = sale.authority.warm(Self.lots, into: &sale.records)
        sale.report(Self.unit, [(SoldSale.lot, granted: 10, sold: 0, paid: 0)])
        sale.report(UnitID(2), [(SoldSale.lot, granted: 0, sold: 0, paid: 0)])
        #expect(self.missing(sale).isEmpty)
    }

    @Test("a stopped rollout comes first; without units no sale can open") func namesRollout() {
        var sale = self.sale()
        let refusal = Rollout.Refusal(unit: Self.unit, reason: "invalid_config")
        sale.rollout.refused(refusal, version: SoldSale.version)
        #expect(self.missing(sale) == [.rolloutStopped(version: SoldSale.version, refusal)])
        let empty = Rollout(version: 0, units: [])
        #expect(
            SaleReadiness([], rollout: empty, sale.authority, now: sale.now).missing == [.units])
    }

    @Test("a dry run before the warming up names silent and drained units, and misses nothing that nobody has by then")
    func dryRunNamesWhatWouldBeMissing() throws {
        var sale = SoldSale()
        func missing(_ sale: SoldSale) -> [SaleReadiness.Missing] {
            SaleReadiness(beforeWarming: Self.lots, rollout: sale.rollout, sale.authority, now: sale.now).missing
        }
        #expect(missing(sale).isEmpty)
        try sale.authority.setDrained(Self.unit, true, into: &sale.records)
        #expect(missing(sale) == [.drained(Self.unit, SoldSale.lot, planned: 10)])
        sale.fallSilent()
        #expect(missing(sale) == [.report(Self.unit), .drained(Self.unit, SoldSale.lot, planned: 10)])
    }
}
