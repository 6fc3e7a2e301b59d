import Testing
import TrancheCore

@Suite("Stock elsewhere, as a new center knows it") struct StockElsewhereTests {
    static let now = QuotaTests.now
    static let lot = QuotaTests.lot
    static let (near, far) = (UnitID(1), UnitID(2))

    /// A log in which both units got all 100 items, as a center reads it that takes over.
    static func book() throws -> AuthorityBook {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        try authority.issue(self.lot, quantity: 100, into: &records)
        for unit in [self.near, self.far] {
            let request = RegisterRequest(
                unit: unit, ledger: LedgerID(5), incarnation: Incarnation(7), generation: Generation(1),
                head: LedgerHead(position: 1, digest: .init(high: 1, low: 0)), session: 7, answer: nil)
            _ = authority.register(request, now: self.now, into: &records)
            _ = authority.report(self.report(of: unit, QuotaCounters()), now: self.now, into: &records)
            _ = try authority.grant(self.lot, to: unit, quantity: 50, into: &records)
        }
        return authority.book
    }

    static func report(of unit: UnitID, _ counters: QuotaCounters) -> UnitReport {
        UnitReport(
            unit: unit, ledger: LedgerID(5), incarnation: Incarnation(7), generation: Generation(1), session: 7,
            head: LedgerHead(position: 1, digest: .init(high: 1, low: 0)), nonce: 1,
            lots: [
                .init(lot: self.lot, counters: counters, offered: 0, starved: 0, hintDone: 0, isPrimed: true, paid: 0)
            ], proves: 0, proof: nil, earlier: [])
    }

    /// The figure that the unit `near` is told after it has reported.
    func told(_ authority: inout QuotaAuthority, at now: Instant) -> Int? {
        var records: [AuthorityRecord] = []
        let report = Self.report(of: Self.near, QuotaCounters(granted: 50, returned: 0, sold: 50, cancelled: 0))
        guard case .directives(let directives) = authority.report(report, now: now, into: &records) else { return nil }
        return directives.lots.first?.elsewhere
    }

    @Test("a new center counts the quota of a unit that has not reported yet") func unheardUnitCounts() throws {
        var authority = QuotaAuthority(book: try Self.book(), witnesses: [:])
        #expect(self.told(&authority, at: Self.now) == 50)
    }

    @Test("a report replaces the figure that the log gives") func reportReplacesFigure() throws {
        var authority = QuotaAuthority(book: try Self.book(), witnesses: [:])
        var records: [AuthorityRecord] = []
        let sold = QuotaCounters(granted: 50, returned: 0, sold: 50, cancelled: 0)
        _ = authority.report(Self.report(of: Self.far, sold), now: Self.now, into: &records)
        #expect(self.told(&authority, at: Self.now) == 0)
    }

    @Test("a unit that stays silent after a take-over counts no longer than a unit that falls silent")
    func silentUnitCountsNoLonger() throws {
        var authority = QuotaAuthority(book: try Self.book(), witnesses: [:])
        #expect(self.told(&authority, at: Self.now) == 50)
        let later = Self.now.advanced(milliseconds: QuotaAuthority.silenceMilliseconds + 1)
        #expect(self.told(&authority, at: later) == 0)
    }
}
