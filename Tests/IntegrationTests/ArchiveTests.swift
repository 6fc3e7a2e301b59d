import CurlClient
import Foundation
import Storage
import Testing
import TrancheAPI
import TrancheCore

/// A settled sale, on real processes: its orders leave the unit's memory, and no buyer sees a difference.
@Suite("Settled sales", .serialized, .timeLimit(.minutes(3))) struct SettledSaleTests {
    private struct Answers: Equatable {
        var states: [String] = []
        var statuses: [Int] = []
    }

    @Test(
        "orders of a settled sale answer every question as before: from memory, from the archive, and after a restart")
    func settledOrdersAnswerAsBefore() async throws {
        let cluster = try await TestCluster.start(stock: 9, limit: 1, windowMilliseconds: 4_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let codec = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET"))
        let claims = ["anna", "bob"].map { cluster.claims(buyer: $0, unit: unit.id.rawValue) }
        for one in claims { #expect(try await cluster.buy(unit, token: codec.mint(one)).status == 201) }
        #expect(try await cluster.pay(unit, claims[0].order, "p1").status == 200)
        func state(_ order: OrderID) async throws -> CurlResponse {
            try await cluster.call("GET", "\(unit.url)/v1/orders/\(order)", secret: nil, body: nil)
        }
        try await cluster.wait(for: "bob's reservation to end") {
            String(decoding: try await state(claims[1].order).body, as: UTF8.self).contains("expired")
        }

        func answers() async throws -> Answers {
            var answers = Answers()
            for one in claims {
                for response in [
                    try await state(one.order), try await cluster.buy(unit, token: codec.mint(one)),
                    try await cluster.call(
                        "POST", "\(unit.url)/v1/orders/\(one.order)/cancel", secret: codec.mint(one), body: []),
                    try await cluster.pay(unit, one.order, "p1"), try await cluster.pay(unit, one.order, "p2"),
                ] {
                    answers.statuses.append(response.status)
                    answers.states.append(String(decoding: response.body, as: UTF8.self))
                }
            }
            let unknown = OrderID(high: 1, low: 2)
            answers.statuses.append(try await state(unknown).status)
            return answers
        }
        let before = try await answers()
        #expect(before.statuses.last == 404)
        #expect(try cluster.run(["sale", "close", "test"]).status == 0)
        try await cluster.wait(for: "the settlement") { try cluster.run(["sale", "settle", "test"]).status == 0 }
        let path = "\(cluster.folder)/units/\(unit.name)/ledger.sqlite"
        try await cluster.wait(for: "the archive") {
            let entries = try LedgerAudit(path: path).commits.compactMap(\.entries).flatMap { $0 }
            return entries.contains { if case .archived(let archived) = $0 { archived.orders == 2 } else { false } }
        }
        #expect(try await answers() == before)
        try await cluster.wait(for: "a journal without the old commits") {
            try LedgerFigures.journal(of: path).rows <= 3
        }
        try await cluster.restartUnit(unit)
        #expect(try await answers() == before)
        #expect(try await cluster.refunds(unit).count == 3, "a second payment, and two that came too late")
        #expect(try cluster.run(["verify"]).status == 0)
        try await self.checkBooks(cluster, paid: claims[0].order, expired: claims[1].order)
    }

    /// The books of the sale are complete although its commits are in archives; and a shop's list is compared with them.
    private func checkBooks(_ cluster: TestCluster, paid: OrderID, expired: OrderID) async throws {
        let books = try await cluster.exportBooks()
        #expect(books.isFinal)
        #expect(books.lots.map(\.paid) == [1])
        #expect(books.lots.map(\.unsold) == [8])
        #expect(books.lots.map(\.refundsDue) == [3])
        let list = "\(cluster.folder)/shop.csv"
        try Data("order,state\n\(expired),paid\n".utf8).write(to: URL(fileURLWithPath: list))
        let found = try cluster.run(["reconcile", "--shop", list])
        #expect(found.status == 2)
        for text in [
            "paid_not_told: 1", "\(paid)", "tranche outbox replay shop --unit", "told_not_paid: 1", "refund_due: 3",
        ] {
            #expect(found.output.contains(text), "\(found.output)")
        }
    }
}
