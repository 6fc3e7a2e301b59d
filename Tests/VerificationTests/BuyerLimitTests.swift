import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// The limit by which `verify` judges a buyer's items.
@Suite("The buyer's limit that applied") struct BuyerLimitTests {
    private static let lot = LotID(1)

    /// A sale of one lot, as the configuration has it.
    private func version(_ number: Int, _ state: String, limit: Int) -> AuthorityStore.ConfigVersion {
        let content = """
            {"units":[],"sales":[{"id":"test","name":"test","state":"\(state)","startsAtMilliseconds":0,\
            "endsAtMilliseconds":9,"paymentWindowMilliseconds":1000,"lots":[{"id":1,"name":"lot","stock":10,\
            "perBuyerLimit":\(limit),"poolPermille":0}]}]}
            """
        return .init(
            version: number, checksum: "", content: Data(content.utf8), at: Instant(microseconds: 1), actor: "test",
            note: "")
    }

    /// The findings of `verify` if one buyer holds this many items, each by another order.
    private func findings(_ versions: [(state: String, limit: Int)], held: UInt64) throws -> [String] {
        let folder = try TemporaryFolder.make()
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        let store = try AuthorityStore(path: folder + "/center/authority.sqlite")
        for (place, one) in versions.enumerated() {
            try store.append(self.version(place + 1, one.state, limit: one.limit), as: Epoch(1))
        }
        let ledger = try UnitLedger(path: folder + "/units/one/ledger.sqlite", unit: UnitID(1), newID: LedgerID(7))
        let orders = (1...held).map { number in
            // The limit that the unit knew is higher: this is about what the configuration said.
            LedgerEntry.reserved(
                Order(
                    id: OrderID(high: 1, low: number), buyer: BuyerID("anna")!, lot: Self.lot, quantity: 1,
                    buyerLimit: 9, generation: Generation(1), stamp: Stamp(rawValue: number),
                    deadline: Instant(microseconds: 9)))
        }
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(rawValue: 1_000)), .granted(Self.lot, total: 10)] + orders,
            as: Incarnation(1))
        let report = try Verifier(folder: folder).report()
        return try #require(report.checks.first { $0.invariant == "I12" }).findings
    }

    @Test("a draft's limit never applied, nor did one that was lowered before the sale could sell")
    func limitOfDraftNeverApplied() throws {
        let found = try self.findings([("draft", 5), ("draft", 1), ("warming", 1), ("open", 1)], held: 2)
        #expect(found == ["buyer anna holds 2 of lot 1, the limit is 1"])
    }

    @Test("the highest limit that applied counts, also after later changes", arguments: ["warming", "open", "paused"])
    func highestAppliedLimitCounts(state: String) throws {
        #expect(try self.findings([("draft", 1), (state, 2), ("open", 1), ("closed", 1)], held: 2).isEmpty)
        #expect(try self.findings([("draft", 9), (state, 2), ("open", 1), ("closed", 1)], held: 3).count == 1)
    }

    @Test("a sale that was always a draft has its present limit") func draftSaleHasItsPresentLimit() throws {
        #expect(try self.findings([("draft", 5), ("draft", 1)], held: 2).count == 1)
    }
}
