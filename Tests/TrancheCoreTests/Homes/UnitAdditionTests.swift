import Testing
import TrancheCore

@Suite("Which unit may be added to a sale") struct UnitAdditionTests {
    private static let (home, other, added) = (UnitID(1), UnitID(2), UnitID(5))
    private static let homes = ["eu": [home], "us": [other]]

    private func authority(reports: [UnitID], drained: Bool = false) throws -> QuotaAuthority {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        try authority.issue(QuotaTests.lot, quantity: 100, into: &records)
        for unit in reports {
            let request = RegisterRequest(
                unit: unit, ledger: LedgerID(UInt64(unit.rawValue)), incarnation: Incarnation(1),
                generation: Generation(1), head: .empty, session: 1, answer: nil)
            _ = authority.register(request, now: QuotaTests.now, into: &records)
            let report = UnitReport(
                unit: unit, ledger: request.ledger, incarnation: Incarnation(1), generation: Generation(1), session: 1,
                head: .empty, nonce: 1, lots: [])
            _ = authority.report(report, now: QuotaTests.now, into: &records)
        }
        if drained { try authority.setDrained(Self.added, true, into: &records) }
        return authority
    }

    private func check(
        _ authority: QuotaAuthority, region: String = "eu", state: SaleState = .open, unit: UnitID = added,
        added: [UnitAddition.Unit] = []
    ) -> Result<[UnitID], UnitAddition.Refusal> {
        Result { () throws(UnitAddition.Refusal) in
            try UnitAddition.check(
                UnitAddition.Unit(unit, region: region), state: state, homes: Self.homes, added: added, authority,
                now: QuotaTests.now)
        }
    }

    @Test("the homes of its region refer to it, and the units that were added there before") func regionRefers() throws
    {
        let authority = try self.authority(reports: [Self.home, Self.added])
        #expect(self.check(authority) == .success([Self.home]))
        let earlier = [UnitAddition.Unit(UnitID(3), region: "eu"), UnitAddition.Unit(UnitID(4), region: "us")]
        #expect(self.check(authority, added: earlier) == .success([Self.home, UnitID(3)]))
        let later = earlier + [UnitAddition.Unit(Self.added, region: "eu"), UnitAddition.Unit(UnitID(6), region: "eu")]
        #expect(self.check(authority, added: later) == .success([Self.home, UnitID(3)]), "again: the same")
    }

    @Test("a home, a silent or drained unit, and one in a region without homes are refused, and sales that do not sell")
    func othersAreRefused() throws {
        let authority = try self.authority(reports: [Self.home, Self.added])
        #expect(self.check(authority, unit: Self.home) == .failure(.isHome))
        #expect(self.check(authority, region: "asia") == .failure(.noHomes(region: "asia")))
        #expect(self.check(authority, unit: UnitID(9)) == .failure(.silent))
        #expect(self.check(try self.authority(reports: [Self.added], drained: true)) == .failure(.drained))
        for state in SaleState.allCases where state != .open && state != .paused {
            #expect(self.check(authority, state: state) == .failure(.wrongState(state)))
        }
        let many = (100..<100 + UInt16(Limits.branches)).map { UnitAddition.Unit(UnitID($0), region: "us") }
        #expect(self.check(authority, added: many) == .failure(.tooMany(limit: Limits.branches)))
    }

    @Test("the log has each branch once, and a home hears of its own ones with every message")
    func logHasEachBranchOnce() throws {
        var authority = try self.authority(reports: [Self.home, Self.other, Self.added])
        var records: [AuthorityRecord] = []
        let (lot, now) = (QuotaTests.lot, QuotaTests.now)
        #expect(try authority.branch([lot], from: [Self.home], to: Self.added, into: &records) == [Self.home])
        #expect(try authority.branch([lot], from: [Self.home], to: Self.added, into: &records).isEmpty)
        let branch = BranchRecord(home: Self.home, unit: Self.added, generation: Generation(1))
        #expect(records == [.branched(lot, branch)])
        #expect(authority.directives(for: Self.home, now: now).lots.first?.branches == [branch])
        for unit in [Self.other, Self.added] {
            #expect(authority.directives(for: unit, now: now).lots.first?.branches == nil)
        }
        #expect(throws: AuthorityError.unknownUnit(UnitID(9))) {
            try authority.branch([lot], from: [Self.home], to: UnitID(9), into: &records)
        }
        #expect(throws: AuthorityError.unknownLot(LotID(9))) {
            try authority.branch([LotID(9)], from: [Self.home], to: Self.added, into: &records)
        }
    }
}
