import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

@Suite("Reconciliation of files") struct FileReconciliationTests {
    private static let now = Instant(milliseconds: 1)

    private func list(_ sale: SoldFolder, _ name: String, _ lines: [String]) throws -> String {
        let path = "\(sale.path)/\(name)"
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("lists that agree in both forms have one difference: the refund of an unknown order") func listsAgree() throws
    {
        let sale = try SoldFolder()
        let shop = try self.list(
            sale, "shop.csv",
            [
                "order,state,amount", "\(SoldFolder.order(1).id),paid,500", "\(SoldFolder.order(2).id),expired,", "",
                "\(SoldFolder.order(3).id),paid,500",
            ])
        let provider = try self.list(
            sale, "provider.jsonl",
            [
                #"{"order":"\#(SoldFolder.order(1).id)","state":"charged","amount":500,"payment":"p1"}"#,
                #"{"order":"\#(SoldFolder.order(2).id)","state":"charged","payment":"p2"}"#,
                #"{"order":"\#(SoldFolder.order(2).id)","state":"refunded","payment":"p2"}"#,
                #"{"order":"\#(SoldFolder.order(3).id)","state":"charged","amount":500}"#,
            ])
        let found = try FileReconciliation(
            folder: sale.path, sale: "test", shop: shop, provider: provider, now: Self.now)
        #expect(found.units == [SoldFolder.unit: "one"])
        #expect(found.orders == 4)
        #expect(found.differences.map(\.kind) == [.refundDue])
        #expect(found.differences[0].order == OrderID(high: 9, low: 9))
        let place = OutboxPlace(generation: Generation(1), position: 12, index: 0)
        #expect(found.differences[0].repair == .replay(place))
    }

    @Test("an order that expired in the ledger, and is paid at the shop, is found; so is one in a replaced ledger")
    func differencesAreFound() throws {
        let sale = try SoldFolder()
        let lost = sale.path + "/units/one/" + LostLedgers.folder
        try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
        try LedgerCopy.make(of: sale.ledgerPath, at: lost + "/1.sqlite")
        let replaced = try UnitLedger(path: lost + "/1.sqlite", unit: SoldFolder.unit, newID: LedgerID(7))
        try replaced.commit([.reserved(SoldFolder.order(6))], as: SoldFolder.incarnation)
        let shop = try self.list(
            sale, "shop.csv", ["state,order", "paid,\(SoldFolder.order(1).id)", "paid,\(SoldFolder.order(2).id)"])
        let found = try FileReconciliation(folder: sale.path, sale: "test", shop: shop, now: Self.now)
        #expect(found.differences.map(\.kind) == [.paidNotTold, .toldNotPaid, .refundDue, .refundDue, .owed])
        #expect(found.differences.map(\.order.low) == [3, 2, 2, 9, 6])
    }

    @Test("a line that cannot be read is named, and nothing is compared") func badLinesAreNamed() throws {
        let sale = try SoldFolder()
        for (name, lines, number) in [
            ("a.csv", ["order,state", "\(SoldFolder.order(1).id),paid", "7,paid"], 3),
            ("b.csv", ["order", "7"], 1), ("c.jsonl", [#"{"order":"7"}"#], 1), ("d.jsonl", ["{}", ""], 1),
        ] {
            let path = try self.list(sale, name, lines)
            let error = #expect(throws: ReconciliationError.self) {
                try FileReconciliation(folder: sale.path, shop: path, now: Self.now)
            }
            guard case .line(path, number, _) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
        }
        #expect(
            throws: ReconciliationError.file(path: "x.txt", detail: "its name ends neither with .csv nor with .jsonl")
        ) {
            try FileReconciliation(folder: sale.path, shop: "x.txt", now: Self.now)
        }
        #expect(throws: ReconciliationError.unknownSale("none")) {
            try FileReconciliation(folder: sale.path, sale: "none", now: Self.now)
        }
    }
}
