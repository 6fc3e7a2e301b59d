import Testing
import TrancheCore

@Suite("Silent units, and late words") struct UnitSilenceTests {
    private static let unit = QuotaTests.unit
    private static let (now, began) = (QuotaTests.now, QuotaTests.now.advanced(milliseconds: -60_000))

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

    private static func refusal(
        _ authority: QuotaAuthority, leadingSince: Instant, at now: Instant, unit: UnitID = Self.unit
    ) -> AuthorityError? {
        do throws(AuthorityError) {
            try authority.checkSilent(unit, leadingSince: leadingSince, now: now)
            return nil
        } catch { return error }
    }

    @Test("a unit is silent when its last report is old") func oldReportIsSilence() throws {
        let (authority, _) = try QuotaTests().authority()
        for passed in [0, QuotaAuthority.silenceMilliseconds] {
            let now = Self.now.advanced(milliseconds: passed)
            #expect(Self.refusal(authority, leadingSince: Self.began, at: now) == .reporting(Self.unit))
        }
        #expect(Self.refusal(authority, leadingSince: Self.began, at: QuotaTests.silent) == nil)
    }

    @Test("a unit that a new center has not heard gets time to find it") func unheardUnitGetsTime() throws {
        let (authority, _) = try Self.successor()
        let limit = QuotaAuthority.findingMilliseconds
        let (early, late) = (Self.now.advanced(milliseconds: limit), Self.now.advanced(milliseconds: limit + 1))
        #expect(Self.refusal(authority, leadingSince: Self.now, at: early) == .reporting(Self.unit))
        #expect(Self.refusal(authority, leadingSince: Self.now, at: late) == nil)
    }

    @Test("a unit that nobody knows is refused as such") func unknownUnitIsRefused() throws {
        let (authority, _) = try QuotaTests().authority()
        let found = Self.refusal(authority, leadingSince: Self.began, at: Self.now, unit: UnitID(9))
        #expect(found == .unknownUnit(UnitID(9)))
    }
}
