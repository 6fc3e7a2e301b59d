import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// What `verify` says of units that were added to an open sale.
@Suite("The evidence of added units") struct BranchEvidenceTests {
    private static let (lot, home) = (LotID(1), UnitID(1))
    private static let first = Branch(home: home, unit: UnitID(7))
    /// A buyer of the home who prefers the added unit.
    private static let mover = (0..<400).compactMap { BuyerID("buyer-\($0)") }
        .first { HomeUnit.branch(of: $0, among: [Self.first]) != nil }!

    private func order(_ number: UInt64) -> LedgerEntry {
        .reserved(
            Order(
                id: OrderID(high: 1, low: number), buyer: Self.mover, lot: Self.lot, quantity: 1, buyerLimit: 9,
                generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 9)))
    }

    /// The findings of `verify` about I12, if the log has these branches of unit 1, and its ledger these entries.
    private func findings(log: [UInt16], ledger entries: [LedgerEntry]) throws -> [String] {
        let folder = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        let records = log.map { unit in
            AuthorityRecord.branched(
                Self.lot, BranchRecord(home: Self.home, unit: UnitID(unit), generation: Generation(1)))
        }
        try store.append([.epoch(Epoch(1))] + records, witnesses: [:], as: Epoch(1))
        let ledger = try UnitLedger(path: folder + "/units/one/ledger.sqlite", unit: Self.home, newID: LedgerID(7))
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(rawValue: 1_000)), .granted(Self.lot, total: 10)],
            as: Incarnation(1))
        var incarnation = Incarnation(1)
        for entry in entries {
            if case .opened(let next) = entry { incarnation = next }
            try ledger.commit([entry], as: incarnation)
        }
        let report = try Verifier(folder: folder).report()
        return try #require(report.checks.first { $0.invariant == "I12" }).findings
    }

    private func branched(_ units: UInt16..., home: UnitID = Self.home) -> [LedgerEntry] {
        units.map { .branched(Self.lot, Branch(home: home, unit: UnitID($0))) }
    }

    @Test("branches that the log has, in its order, are no finding") func branchesOfTheLogAreNoFinding() throws {
        #expect(try self.findings(log: [7, 8, 9], ledger: []).isEmpty)
        #expect(try self.findings(log: [7, 8, 9], ledger: self.branched(7, 8)).isEmpty)
    }

    @Test("a branch that the log has not, or has later than another one, is a finding") func otherBranchesAreFound()
        throws
    {
        #expect(
            try self.findings(log: [7], ledger: self.branched(7, 8))
                == ["one: lot 1 has branch 8 of unit 1, not from the log"])
        #expect(
            try self.findings(log: [7], ledger: self.branched(7, home: UnitID(2)))
                == ["one: lot 1 has branch 7 of unit 2, not from the log"])
        #expect(
            try self.findings(log: [7, 8], ledger: self.branched(8, 7))
                == ["one: the branches of lot 1 are not in the order of the log"])
    }

    @Test("a new buyer who belongs to the branch is a finding, and one whose order was taken over from Redis is none")
    func adoptedOrdersMakeTheirBuyersKnown() throws {
        let branch = self.branched(7)
        #expect(try self.findings(log: [7], ledger: branch + [self.order(500)]).count == 1)
        let takenOver: [LedgerEntry] =
            branch + [.opened(Incarnation(2)), .ceiling(Stamp(rawValue: 2_000)), self.order(1)]
        #expect(try self.findings(log: [7], ledger: takenOver).isEmpty)
        #expect(try self.findings(log: [7], ledger: takenOver + [self.order(1_500)]).isEmpty)
    }
}
