import Testing
import TrancheCore

@Suite("Silent units, and late words") struct UnitSilenceTests {
    private static let unit = QuotaTests.unit
    private static let now = QuotaTests.now

    /// As a center reads the log that takes over: it knows the witness of the unit's ledger, and has heard nobody.
    private static func successor() throws -> (QuotaAuthority, UnitReport) {
        let tests = QuotaTests()
        var (before, records) = try tests.authority()
        _ = try before.grant(QuotaTests.lot, to: self.unit, quantity: 50, into: &records)
        _ = before.report(tests.report(returned: 10, position: 5, granted: 50), now: self.now, into: &records)
        let overtaken = tests.report(returned: 0, position: 3, granted: 50)
        return (QuotaAuthority(book: before.book, witnesses: before.witnesses), overtaken)
    }

    @Test("a report that was overtaken before a take-over is not the newest word of its unit")
    func overtakenReportIsNotTheNewest() throws {
        var (authority, overtaken) = try Self.successor()
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        _ = authority.report(overtaken, now: Self.now, into: &records)
        #expect(authority.seen[Self.unit] == nil)
        let newest = QuotaTests().report(returned: 10, position: 5, granted: 50)
        _ = authority.report(newest, now: Self.now, into: &records)
        #expect(authority.seen[Self.unit]?.report.head.position == 5)
        _ = authority.report(overtaken, now: Self.now, into: &records)
        #expect(authority.seen[Self.unit]?.report.head.position == 5)
    }
}
