import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// Mistakes of operators, on real processes.
@Suite("Operators' slips", .serialized, .timeLimit(.minutes(3))) struct SlipTests {
    @Test("impossible numbers are refused with their limit, and no command ends with a trap")
    func impossibleNumbersAreRefused() throws {
        let cases: [(arguments: [String], says: String)] = [
            (["sale", "create", "x", "--hours", "1e300"], "--hours"),
            (["sale", "create", "x", "--payment-window", "nan"], "--payment-window"),
            (["sale", "create", "x", "--stock", "0"], "--stock"),
            (["sale", "open", "x", "--delay", "inf"], "--delay"),
            (["token", "mint", "--buyer", "x", "--lifetime", "4611686018427387904"], "--lifetime"),
            (["load", "x", "--buyers", "-1"], "--buyers"), (["load", "x", "--seconds", "nan"], "--seconds"),
            (["load", "x", "--pay", "101"], "--pay"), (["stock", "add", "1", "0"], "0 is not in"),
            (["quota", "move", "--from", "a", "--to", "a", "--items", "1"], "--from and --to"),
            (["sale", "edit", "x"], "nothing to change"),
        ]
        for one in cases {
            let result = try TestCluster.run("tranche", one.arguments)
            #expect(result.status == 64, "\(one.arguments): \(result.output)")
            #expect(result.output.contains(one.says), "\(one.arguments): \(result.output)")
        }
    }

    @Test(
        "an act with a key happens once; stock may be added, limits changed, drafts deleted, units not removed in use")
    func keyedActHappensOnce() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        for _ in 0..<3 {
            let added = try cluster.run(["stock", "add", "1", "7", "--key", "monday"])
            #expect(added.status == 0, "\(added.output)")
        }
        #expect(try await cluster.quota().lots[0].issued == 37)
        let reused = try cluster.run(["stock", "add", "1", "8", "--key", "monday"])
        #expect(reused.status != 0 && reused.output.contains("key_reused"))
        #expect(try await cluster.quota().lots[0].issued == 37)
        #expect(try cluster.run(["sale", "show", "test"]).output.contains("37 items"))

        #expect(try cluster.run(["sale", "create", "draft", "--lot", "9"]).status == 0)
        #expect(try cluster.run(["sale", "show"]).output.contains("draft"))
        #expect(try cluster.run(["sale", "delete", "test"]).output.contains("only a draft"))
        #expect(try cluster.run(["sale", "delete", "draft"]).status == 0)
        #expect(try !cluster.run(["sale", "list"]).output.contains("draft"))

        #expect(try cluster.run(["unit", "remove", "eu-west"]).output.contains("unit_in_use"))
        let zoe = try cluster.run(["token", "mint", "--buyer", "Zoë"])
        #expect(zoe.status != 0 && zoe.output.contains("ASCII"))
        let mint = MintBody(lot: LotID(1), buyer: BuyerID("anna")!, region: "eu-west")
        let minted = try await cluster.call(
            "POST", cluster.units[0].internalURL + "/internal/v1/tokens",
            secret: cluster.secret("TRANCHE_SHOP_SECRET"), body: JSON.encode(mint))
        #expect(try JSON.decode(Problem.self, from: minted.body).code == "region_not_taken")
        try await self.limits(cluster)
    }

    /// Raised during a sale: the buyer may have one more item. Lowered: no buyer may, and bought items stay.
    private func limits(_ cluster: TestCluster) async throws {
        let unit = cluster.units[0]
        func buys() async throws -> Int { try await cluster.buy(unit, token: cluster.token(buyer: "ben")).status }
        #expect(try await buys() == 201)
        #expect(try await buys() == 409)
        #expect(try cluster.run(["sale", "edit", "test", "--limit", "2"]).status == 0)
        try await cluster.wait(for: "the higher limit") { try await buys() == 201 }
        #expect(try cluster.run(["sale", "edit", "test", "--limit", "1"]).status == 0)
        #expect(try await buys() == 409)
        #expect(try await cluster.buy(unit, token: cluster.token(buyer: "carl")).status == 201)
    }

    @Test("a rollback takes back rules, and neither states nor homes; a unit that refuses does not veto a pause")
    func rollbackTakesBackRulesOnly() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let admin = cluster.secret("TRANCHE_ADMIN_SECRET")
        func sale() async throws -> SaleDocument {
            let response = try await cluster.call("GET", cluster.center + "/v1/sales/test", secret: admin, body: nil)
            return try JSON.decode(SaleDocument.self, from: response.body)
        }
        let draft = try await sale().version - 2
        #expect(try cluster.run(["sale", "edit", "test", "--limit", "3"]).status == 0)
        // The process at this unit's address now refuses the center's secret.
        try await cluster.restartUnit(
            cluster.units[0], secrets: ["TRANCHE_CENTER_SECRET": String(repeating: "z", count: 40)])
        #expect(try cluster.run(["sale", "pause", "test"]).status == 0)
        for unit in cluster.units.dropFirst() {
            try await cluster.wait(for: "the pause at \(unit.name)") {
                let lot = try await cluster.call("GET", "\(unit.url)/v1/lots/1", secret: nil, body: nil)
                return String(decoding: lot.body, as: UTF8.self).contains("paused")
            }
        }
        let before = try await sale()
        let response = try await cluster.call(
            "POST", cluster.center + "/v1/config/rollback", secret: admin,
            body: JSON.encode(RollbackBody(version: draft)), headers: ["If-Match": "\"\(before.version)\""])
        #expect(response.status == 200)
        let after = try await sale()
        #expect(after.sale.state == before.sale.state && after.sale.homes == before.sale.homes)
        #expect(after.sale.planned == before.sale.planned && after.sale.tieKeyHash == before.sale.tieKeyHash)
        #expect(after.sale.lots[0].perBuyerLimit == 1)
        #expect(try await cluster.quota().lots[0].issued == 30)
    }

    @Test(
        "a sale is settled only with recent reports of all its units, and a refusal says what to do; no stock is added afterwards"
    )
    func saleSettlesOnFreshReportsOnly() async throws {
        let cluster = try await TestCluster.start(stock: 9, limit: 1, windowMilliseconds: 300)
        defer { cluster.stop() }
        #expect(try await cluster.buySurely(cluster.units[0], buyer: "anna"))
        cluster.signal("tranche-unit", "units/ap-south/unit.yaml", SIGKILL)
        #expect(try cluster.run(["sale", "close", "test"]).status == 0)
        var said = ""
        try await cluster.wait(for: "a refusal that names the silent unit") {
            said = try cluster.run(["sale", "settle", "test", "--wait", "0"]).output
            return said.contains("ap-south") && said.contains("start it")
        }
        #expect(said.contains("not_reported"))
        try await cluster.restartUnit(cluster.units[2])
        try await cluster.wait(for: "the settlement") { try cluster.run(["sale", "settle", "test"]).status == 0 }
        #expect(try cluster.run(["verify"]).status == 0)
        #expect(try cluster.run(["stock", "add", "1", "5"]).output.contains("is settled"))
        #expect(try await cluster.quota().lots[0].issued == 9)
    }
}
