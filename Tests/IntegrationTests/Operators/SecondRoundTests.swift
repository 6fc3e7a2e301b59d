import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// What a settled sale left unsold is sold again, on real processes.
@Suite("Second rounds", .serialized, .timeLimit(.minutes(3))) struct SecondRoundTests {
    @Test("what is left of a settled sale becomes the stock of another one, once, and is sold there")
    func restIsSoldAgain() async throws {
        let cluster = try await TestCluster.start(stock: 9, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let claims = cluster.claims(buyer: "anna", unit: unit.id.rawValue)
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        try await cluster.wait(for: "anna's order") { try await cluster.buy(unit, token: token).status == 201 }
        #expect(try await cluster.pay(unit, claims.order, "p1").status == 200)
        let round = ["sale", "second-round", "test", "again"]
        let early = try cluster.run(round)
        #expect(early.status == 1 && early.output.contains("wrong_state: sale test is open"), "\(early.output)")
        #expect(try cluster.run(["sale", "close", "test"]).status == 0)
        try await cluster.wait(for: "the settlement") { try cluster.run(["sale", "settle", "test"]).status == 0 }
        #expect(try cluster.run(["sale", "second-round", "test", "test"]).output.contains("sale_exists"))
        let plan = try cluster.run(round + ["--dry-run"])
        #expect(plan.status == 0 && plan.output.contains("would carry 8 items from test to again"), "\(plan.output)")
        for _ in 0..<2 {
            let done = try cluster.run(round)
            #expect(done.status == 0 && done.output.contains("again has 8 items of test"), "\(done.output)")
        }
        let lots = try await cluster.quota().lots
        #expect(lots.map(\.issued) == [9, 8] && lots.map(\.pool) == [0, 8] && lots.map(\.carried) == [8, nil])
        #expect(try cluster.run(["sale", "delete", "again"]).status == 1)
        for step in [["warm", "again"], ["open", "again", "--delay", "0"]] {
            let result = try cluster.run(["sale"] + step)
            #expect(result.status == 0, "\(result.output)")
        }
        let second = cluster.token(buyer: "anna", lot: 2, unit: unit.id.rawValue)
        try await cluster.wait(for: "anna's order in the second round") {
            try await cluster.buy(unit, lot: "2", token: second).status == 201
        }
        let books = try await cluster.exportBooks()
        #expect(books.lots.map(\.carried) == [8] && books.lots.map(\.unsold) == [0] && books.lots.map(\.paid) == [1])
        let verified = try cluster.run(["verify"])
        #expect(verified.status == 0 && verified.output.contains("carried 8"), "\(verified.output)")
    }
}
