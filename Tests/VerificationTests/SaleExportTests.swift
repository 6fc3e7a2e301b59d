import Foundation
import GRDB
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import Verification

@Suite("The export of a sale") struct SaleExportTests {
    private func key(_ folder: String, digit: String = "7") throws -> ExportKey {
        let path = "\(folder)/export-\(digit).key"
        try Data((String(repeating: digit, count: 64) + "\n").utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        return try ExportKey(file: path)
    }

    private func export(
        _ sale: SoldFolder, _ name: String = "export", verify: Bool = true
    ) throws -> (path: String, result: SaleExport.Result) {
        let path = "\(sale.path)/\(name)"
        let export = try SaleExport(folder: sale.path, sale: "test", comparesWithVerify: verify)
        return (path, try export.write(to: path, key: try self.key(sale.path)))
    }

    private func files(_ folder: String) throws -> [String: Data] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0 != "lines" }
        return Dictionary(
            uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: "\(folder)/\($0)")!) })
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func check(_ path: String, _ result: SaleExport.Result) throws -> [String] {
        try ExportCheck(path, publicKey: try ExportPublicKey(result.publicKey)).findings.map(\.description)
    }

    @Test("it has every move of the sale's items and payments, and no other sale's") func movesAreComplete() throws {
        let (path, result) = try self.export(try SoldFolder())
        #expect(result.isFinal)
        #expect(
            try self.lines(path + "/totals.csv") == [
                "lot,measure,account,into,out_of,balance", "1,items,issued,0,10,-10", "1,items,pool,10,6,4",
                "1,items,quota:1:1,7,3,4", "1,items,held:1,3,3,0", "1,items,paid:1,2,0,2",
                "1,payments,received:1,0,3,-3", "1,payments,taken:1,2,0,2", "1,payments,refund_due:1,1,0,1",
            ])
        let postings = try self.lines(path + "/postings.csv")
        #expect(postings.count == 12)
        #expect(postings[1] == "1,1,issued,items,10,issued,pool,,,log:3")
        #expect(postings[3] == "3,1,reserved,items,1,quota:1:1,held:1,00000000000000010000000000000001,,1:1:5:0")
        #expect(
            postings[11].hasSuffix(",payment_taken,payments,1,received:1,taken:1,\(SoldFolder.order(3).id),p3,1:1:13:0")
        )
        let report = try String(contentsOfFile: path + "/report.html", encoding: .utf8)
        #expect(report.contains("A &lt;b&gt;test&lt;/b&gt;"))
        #expect(!report.contains("<script") && !report.contains("Preliminary"))
        #expect(try self.check(path, result).isEmpty)
    }

    @Test("rules that differed are side by side: what the ledgers have, and what was counted")
    func variantsAreSideBySide() throws {
        let sale = try SoldFolder()
        let plain = try String(contentsOfFile: try self.export(sale, "plain").path + "/report.html", encoding: .utf8)
        #expect(!plain.contains("Rules that differed"))
        let first = try #require(try sale.store.configVersions(limit: 1).first)
        var config = try JSON.decode(SaleConfig.self, from: first.content)
        config.units = [
            .init(
                id: SoldFolder.unit, name: "one", region: "eu", publicURL: "http://a:1", internalURL: "http://a:2")
        ]
        config.sales[0].variants = [.init(name: "two-each", regions: ["eu"], rules: .init(limits: ["1": 2]))]
        config.sales[0].results = .init(
            sinceMilliseconds: 1_000, untilMilliseconds: 9_000,
            units: ["one": PurchaseFigures(refused: ["limit_reached": 7], durations: [3, 4])], others: ["other"],
            gates: ["eu": PurchaseFigures(refused: ["rate_limited": 5], tokens: 11)])
        let content = String(decoding: JSON.encode(config), as: UTF8.self)
        try sale.store.append(
            .init(
                version: 2, checksum: ConfigPush.checksum(of: content), content: Data(content.utf8),
                at: Instant(microseconds: 2), actor: "test", note: ""), as: Epoch(1))
        let path = try self.export(sale, verify: false).path
        let report = try String(contentsOfFile: path + "/report.html", encoding: .utf8)
        let row = [
            "two-each", "one", "3", "3", "2", "14", "limit_reached 7", "0.6 ms", "1.0 ms", "11", "rate_limited 5",
        ].map { "<td>\($0)</td>" }.joined()
        #expect(report.contains("<tr>\(row)</tr>"), "\(report)")
        #expect(report.contains("Other sales were open at the same units (other)"))
        #expect(!report.contains("the sale's own rules"), "no unit had them")
    }

    @Test("repeated, it is the same byte for byte; also from PostgreSQL, and while heartbeats go on")
    func repetitionsAreTheSame() throws {
        let sale = try SoldFolder()
        let first = try self.files(try self.export(sale).path)
        #expect(first.count == 10)
        try sale.commit([.nonce(5)])
        try sale.commit([.nonce(6), .ceiling(Stamp(rawValue: 2_000))])
        #expect(try self.files(try self.export(sale, "again").path) == first)
        let target = try PostgresTarget(try PrivatePostgres.newDatabase())
        _ = try LedgerCopy.move(.file(sale.ledgerPath), to: .postgres(target))
        try LedgerLocation.write(target, in: sale.path + "/units/one")
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: sale.ledgerPath + suffix) }
        #expect(try self.files(try self.export(sale, "postgres").path) == first)
    }

    @Test("a unit that was added later changes no byte: no posting of the sale is of it") func laterUnitsChangeNothing()
        throws
    {
        let sale = try SoldFolder()
        let first = try self.files(try self.export(sale, verify: false).path)
        let folder = sale.path + "/units/two"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ledger = try UnitLedger(path: folder + "/ledger.sqlite", unit: UnitID(2), newID: LedgerID(8))
        try ledger.commit([.opened(SoldFolder.incarnation)], as: SoldFolder.incarnation)
        #expect(try self.files(try self.export(sale, "again", verify: false).path) == first)
    }

    @Test("a check names the file and the line of the first byte that was changed") func changedBytesAreNamed() throws {
        let (path, result) = try self.export(try SoldFolder())
        func changed(_ name: String, _ change: (inout Data) -> Void) throws -> [String] {
            let url = URL(fileURLWithPath: "\(path)/\(name)")
            let before = try Data(contentsOf: url)
            var data = before
            change(&data)
            try data.write(to: url)
            defer { try? before.write(to: url) }
            return try self.check(path, result)
        }
        func flip(line: Int) -> (inout Data) -> Void {
            { data in
                let ends = data.indices.filter { data[$0] == UInt8(ascii: "\n") }
                data[ends[line - 1] - 1] ^= 1
            }
        }
        let wrong = "it is not the file that the manifest names"
        #expect(try changed("postings.csv", flip(line: 4)) == ["postings.csv, line 4: \(wrong)"])
        #expect(try changed("postings.jsonl", flip(line: 11)) == ["postings.jsonl, line 11: \(wrong)"])
        #expect(try changed("lines/totals.csv", flip(line: 2)) == ["lines/totals.csv, line 2: \(wrong)"])
        #expect(try changed("totals.csv") { $0.removeLast() } == ["totals.csv, line 10: \(wrong)"])
        #expect(try changed("totals.csv") { $0 += Data("more\n".utf8) } == ["totals.csv, line 10: \(wrong)"])
        #expect(
            try changed("manifest.json") { $0.append(UInt8(ascii: " ")) }
                == ["manifest.json: it was changed, or was not signed with this key"])
        #expect(try self.check(path, result).isEmpty)
        try Data().write(to: URL(fileURLWithPath: path + "/extra"))
        #expect(try self.check(path, result) == ["extra: it is not a part of the export"])
    }

    @Test("an export that another key has signed is none; a key that others can read is refused")
    func keysAreChecked() throws {
        let sale = try SoldFolder()
        let path = try self.export(sale).path
        let other = try self.key(sale.path, digit: "8")
        let check = try ExportCheck(path, publicKey: try ExportPublicKey(other.publicText))
        #expect(check.findings.map(\.file) == ["manifest.json"])
        let file = "\(sale.path)/export-8.key"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(throws: ExportError.self) { try ExportKey(file: file) }
        #expect(throws: ExportError.self) { try ExportKey(file: "\(sale.path)/none") }
        for text in ["", "77", String(repeating: "x", count: 64)] {
            #expect(throws: ExportError.self) { try ExportPublicKey(text) }
        }
    }

    @Test("a genuine export of another sale is not the one that was asked for") func otherSaleIsFound() throws {
        let (path, result) = try self.export(try SoldFolder())
        let key = try ExportPublicKey(result.publicKey)
        #expect(try ExportCheck(path, publicKey: key, sale: "test").findings.isEmpty)
        #expect(
            try ExportCheck(path, publicKey: key, sale: "other").findings.map(\.description)
                == ["manifest.json: it is of the sale \"test\", and not of \"other\""])
    }

    @Test(
        "links are not followed, names are printed without controls, and behind a bad signature nothing is read"
    )
    func strangeFilesAreNotRead() throws {
        let (path, result) = try self.export(try SoldFolder())
        let manager = FileManager.default
        try manager.moveItem(atPath: path + "/totals.csv", toPath: path + "/kept")
        try manager.createSymbolicLink(atPath: path + "/totals.csv", withDestinationPath: "kept")
        try Data().write(to: URL(fileURLWithPath: path + "/a\u{1B}[2J"))
        #expect(
            try self.check(path, result) == [
                "a\\u{1B}[2J: it is not a part of the export", "kept: it is not a part of the export",
                "totals.csv: it is no regular file",
            ])
        let manifest = URL(fileURLWithPath: path + "/manifest.json")
        let bytes = try Data(contentsOf: manifest)
        let changed = "manifest.json: it was changed, or was not signed with this key"
        for wrong in [bytes + Data(" ".utf8), Data("{}".utf8)] {
            try wrong.write(to: manifest)
            #expect(try self.check(path, result) == [changed])
        }
        try manager.removeItem(at: manifest)
        try manager.createSymbolicLink(atPath: path + "/manifest.json", withDestinationPath: "/dev/zero")
        #expect(throws: ExportError.self) { try self.check(path, result) }
    }

    @Test("before the settlement it is preliminary; it never replaces another one") func earlyExportIsPreliminary()
        throws
    {
        let sale = try SoldFolder(state: "closed")
        try sale.commit([.reserved(SoldFolder.order(5))])
        let (path, result) = try self.export(sale)
        #expect(!result.isFinal)
        #expect(result.lots[0].held == 1)
        #expect(
            try self.check(path, result)
                == ["manifest.json: it is preliminary: the sale was not settled when it was written"])
        let check = try ExportCheck(
            path, publicKey: try ExportPublicKey(result.publicKey), sale: "test", allowsPreliminary: true)
        #expect(check.findings.isEmpty)
        #expect(try String(contentsOfFile: path + "/report.html", encoding: .utf8).contains("Preliminary"))
        #expect(throws: ExportError.exists(path: path)) { try self.export(sale) }
        #expect(throws: ExportError.unknownSale("none")) { try SaleExport(folder: sale.path, sale: "none") }
    }

    @Test("counts that do not agree leave no export") func disagreementLeavesNoExport() throws {
        let sale = try SoldFolder()
        try DatabaseQueue(path: sale.ledgerPath).write {
            try $0.execute(sql: "UPDATE accounts SET sold = sold - 1 WHERE lot = 1")
        }
        let finding = "lot 1, unit 1: 2 are live by the postings, and 1 by the ledger's table"
        #expect(throws: ExportError.differs([finding])) { try self.export(sale, verify: false) }
        #expect(throws: ExportError.self, "an invariant is broken") { try self.export(sale) }
        for name in ["export", "export.unfinished"] {
            #expect(!FileManager.default.fileExists(atPath: "\(sale.path)/\(name)"))
        }
    }

    @Test("an order that was never decided is in a final export, too: it holds its item")
    func undecidedOrderHoldsItsItem() throws {
        let sale = try SoldFolder()
        try sale.commit([.reserved(SoldFolder.order(5))])
        let (path, result) = try self.export(sale)
        #expect(result.isFinal)
        #expect(result.lots[0].held == 1)
        #expect(try self.check(path, result).isEmpty)
    }

    @Test("orders that only a replaced ledger knows are owed; the rest of its generation is stranded")
    func lostOrdersAreOwed() throws {
        let sale = try SoldFolder()
        let lost = sale.path + "/units/one/" + LostLedgers.folder
        try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
        try LedgerCopy.make(of: sale.ledgerPath, at: lost + "/1.sqlite")
        let replaced = try UnitLedger(path: lost + "/1.sqlite", unit: SoldFolder.unit, newID: LedgerID(7))
        try replaced.commit([.reserved(SoldFolder.order(6))], as: SoldFolder.incarnation)
        try sale.record([.stranded(SoldFolder.unit, Generation(1), reason: "test", witness: nil)])
        try sale.commit([
            .generation(Generation(2)),
            .refundDue(SoldFolder.order(6).id, payment: PaymentID("p6")!, reason: .unknownOrder),
        ])
        let (path, result) = try self.export(sale)
        #expect(result.lots[0].owed == 1)
        #expect(result.lots[0].refundsDue == 2, "the lot of an order that is owed is known")
        #expect(result.lots[0].stranded == 3)
        let postings = try self.lines(path + "/postings.csv")
        let id = SoldFolder.order(6).id
        #expect(postings[12] == "12,1,refund_due,payments,1,received:1,refund_due:1,\(id),p6,1:2:15:0")
        #expect(postings[13] == "13,1,owed,items,1,quota:1:1,owed:1:1,\(id),,lost:1")
        #expect(postings[14] == "14,1,stranded,items,3,quota:1:1,stranded:1:1,,,end")
        let quick = try self.export(sale, "quick", verify: false)
        #expect(try self.lines(quick.path + "/postings.csv") == postings)
    }
}
