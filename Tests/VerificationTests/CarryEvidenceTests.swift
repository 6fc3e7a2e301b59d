import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// What `verify` and an export say of items that became the stock of another sale.
@Suite("The evidence of a second round") struct CarryEvidenceTests {
    private static func carried(_ quantity: Int) -> AuthorityRecord {
        .carried([Carry(from: LotID(1), to: LotID(2), quantity: quantity)])
    }

    /// What `verify` finds if the log has these records behind the issue of ten items of lot 1.
    private func report(_ records: [AuthorityRecord], state: String = "settled") throws -> VerifyReport {
        let folder = try TemporaryFolder.make()
        try FileManager.default.createDirectory(atPath: folder + "/center", withIntermediateDirectories: true)
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        let content = """
            {"units":[],"sales":[{"id":"first","name":"first","state":"\(state)","startsAtMilliseconds":0,\
            "endsAtMilliseconds":9,"paymentWindowMilliseconds":1000,"lots":[{"id":1,"name":"lot","stock":10,\
            "perBuyerLimit":1,"poolPermille":0}]}]}
            """
        try store.append(
            .init(
                version: 1, checksum: "", content: Data(content.utf8), at: Instant(microseconds: 1), actor: "test",
                note: ""), as: Epoch(1))
        try store.append(
            [.epoch(Epoch(1)), .issued(LotID(1), quantity: 10)] + records, witnesses: [:], as: Epoch(1))
        return try Verifier(folder: folder).report()
    }

    private func findings(_ report: VerifyReport, _ invariant: String = "I1") throws -> [String] {
        try #require(report.checks.first { $0.invariant == invariant }).findings
    }

    @Test("what is left of a settled sale may be carried, in several records, and every item is counted once")
    func carriedItemsAreCounted() throws {
        let report = try self.report([Self.carried(7), Self.carried(3)])
        for invariant in ["I1", "I3", "L1"] { #expect(try self.findings(report, invariant).isEmpty) }
        #expect(report.lots.map(\.issued) == [10, 10])
        #expect(report.lots.map(\.carried) == [10, 0])
        #expect(report.lots.map(\.unsold) == [0, 10])
    }

    @Test("items that are carried twice, or more than are left, are found") func carriedTwiceIsFound() throws {
        let finding = "lot 1: carried more into lot 2 than the pool held"
        #expect(try self.findings(try self.report([Self.carried(10), Self.carried(10)])).contains(finding))
        #expect(try self.findings(try self.report([Self.carried(11)])).contains(finding))
        let granted = AuthorityRecord.granted(LotID(1), UnitID(1), Generation(1), total: 4)
        #expect(try self.findings(try self.report([granted, Self.carried(7)])).contains(finding))
        #expect(try self.findings(try self.report([granted, Self.carried(6)])).isEmpty)
    }

    @Test("items of a sale that is not settled, and items for a lot with stock of its own, are found")
    func wrongCarriesAreFound() throws {
        #expect(
            try self.findings(try self.report([Self.carried(4)], state: "closed"))
                == ["lot 1: 4 items were carried away, but sale first is closed"])
        #expect(
            try self.findings(try self.report([.issued(LotID(2), quantity: 5), Self.carried(4)]))
                == ["lot 2: it got items of lot 1, and had 5 that come from elsewhere"])
        #expect(
            try self.findings(try self.report([Self.carried(0)])) == ["lot 1: 0 items were carried into lot 2"])
    }

    @Test("a final export has what was carried, and agrees with `verify`") func exportHasWhatWasCarried() throws {
        let sale = try SoldFolder()
        try sale.commit([.returned(SoldFolder.lot, total: 4)])
        try sale.record([
            .returned(SoldFolder.lot, SoldFolder.unit, Generation(1), total: 4),
            .carried([Carry(from: SoldFolder.lot, to: LotID(3), quantity: 8)]),
        ])
        let key = "\(sale.path)/export.key"
        try Data((String(repeating: "7", count: 64) + "\n").utf8).write(to: URL(fileURLWithPath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        let folder = "\(sale.path)/export"
        let result = try SaleExport(folder: sale.path, sale: "test").write(to: folder, key: try ExportKey(file: key))
        #expect(result.isFinal)
        let lot = try #require(result.lots.first)
        #expect(lot.issued == 10 && lot.paid == 2 && lot.carried == 8 && lot.unsold == 0)
        let check = try ExportCheck(folder, publicKey: try ExportPublicKey(result.publicKey))
        #expect(check.findings.isEmpty, "\(check.findings)")
        let postings = try String(contentsOfFile: folder + "/postings.csv", encoding: .utf8)
        #expect(postings.contains(",1,carried,items,8,pool,carried,,,log:7\n"), "\(postings)")
    }
}
