import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Real gates in front of real units.
@Suite("A gate", .serialized, .timeLimit(.minutes(3))) struct GateTests {
    @Test("a buyer with an identity gets one token, however often it is asked for, and buys with it")
    func tokenIsTheSameForTheSameBuyer() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let session = try await gate.session("ann")
        let first = try TestGate.document(try await gate.token(session))
        let second = try TestGate.document(try await gate.token(try await gate.session("ann")))
        #expect(first.order == second.order && first.unit == second.unit)
        // The buyer's home is in the region of the identity, whichever gate is asked.
        let elsewhere = try TestGate.document(try await TestGate(cluster, 1).token(session))
        #expect(elsewhere.order == first.order && elsewhere.unit == first.unit)
        let unit = try #require(cluster.units.first { $0.url == first.unit })
        let order = try await cluster.buy(unit, token: first.token)
        #expect(order.status == 201)
        let again = try await cluster.buy(unit, token: elsewhere.token)
        #expect(again.status == 201, "one order id has one outcome")
        let lot = try await cluster.quota().lots[0]
        #expect(lot.units.reduce(0) { $0 + $1.available } + lot.pool >= 29, "one item was sold, not two")
    }

    @Test("who proves nothing gets nothing: missing, forged, foreign and old proofs are refused by name")
    func identityIsRequired() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        let proof = try gate.proof("ann")
        let forged = String(proof.dropLast(4)) + "AAAA"
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."
        for bad in [nil, forged, unsigned, "x", try gate.proof("ann", seconds: -10)] {
            let response = try await gate.post("/v1/session", bad)
            #expect(response.status == 401 && TestGate.code(response) == "bad_identity")
        }
        let session = try await gate.session("ann")
        for bad in [nil, proof, String(session.dropLast(3)) + "AAA"] {
            for path in ["/v1/lots/1/token", "/v1/lots/1/entry", "/v1/lots/1/challenge"] {
                let response = try await gate.post(path, bad)
                #expect(response.status == 401 && TestGate.code(response) == "bad_identity", "\(path)")
            }
        }
        let unknown = try await gate.post("/v1/lots/99/token", session)
        #expect(TestGate.code(unknown) == "unknown_lot")
    }

    @Test("a request over the limit of a buyer is refused, and says when to come again")
    func limitIsExact() async throws {
        let cluster = try await TestCluster.start(
            stock: 30, limit: 1,
            contest: [
                "--gate", try Self.rules("{\"perUserPerMinute\":101,\"burst\":100,\"perAddressPerMinute\":100000}"),
            ])
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let session = try await gate.session("eve")
        for number in 1...100 {
            let response = try await gate.token(session, from: "198.51.100.\(number)")
            #expect(response.status == 201, "request \(number): \(TestGate.code(response))")
        }
        let over = try await gate.token(session, from: "198.51.100.101")
        #expect(over.status == 429 && TestGate.code(over) == "rate_limited")
        #expect(Int(over.headers["retry-after"] ?? "").map { $0 >= 1 } == true)
        let other = try await gate.token(try await gate.session("bob"), from: "198.51.100.102")
        #expect(other.status == 201, "another buyer is not concerned")
    }

    @Test("a rule that enforces refuses, and a rule that observes counts")
    func rulesAreEnforced() async throws {
        let rules = """
            {"rules":[{"id":"grown-up","kind":"level","atLeast":3},
                      {"id":"curious","kind":"member","mode":"observe"}]}
            """
        let cluster = try await TestCluster.start(stock: 30, limit: 1, contest: ["--gate", try Self.rules(rules)])
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let child = try await gate.token(try await gate.session("kid", level: 2))
        #expect(child.status == 403 && TestGate.code(child) == "not_eligible")
        #expect(String(decoding: child.body, as: UTF8.self).contains("grown-up"))
        let grown = try await gate.token(try await gate.session("ann", level: 3))
        #expect(grown.status == 201)
    }

    @Test("with a challenge, a token needs a solution, which counts once and not faster than a person")
    func challengeIsSpentOnce() async throws {
        let rules = "{\"challenge\":\"work\",\"workCost\":1,\"minimumAnswerMilliseconds\":700}"
        let cluster = try await TestCluster.start(stock: 30, limit: 1, contest: ["--gate", try Self.rules(rules)])
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let session = try await gate.session("ann")
        #expect(TestGate.code(try await gate.token(session)) == "challenge_required")
        let fast = try await self.answer(gate, session)
        let refused = try await gate.token(session, answer: fast)
        #expect(refused.status == 403 && TestGate.code(refused) == "too_fast")
        let next = try JSON.decode(ChallengeDocument.self, from: refused.body).challenge
        #expect(next.parameters.data.level == 1, "the next challenge is harder")
        let (easy, answer) = (try await self.answer(gate, session), try #require(ChallengeSolver.solve(next)))
        // The time itself is what counts here: an answer after less than 700 ms is a program's.
        try await Task.sleep(for: .milliseconds(800))
        #expect(TestGate.code(try await gate.token(session, answer: easy)) == "too_easy")
        let first = try TestGate.document(try await gate.token(session, answer: answer))
        let same = try TestGate.document(try await gate.token(session, answer: answer))
        #expect(first.order == same.order, "the same buyer may ask twice")
        let thief = try await gate.token(try await gate.session("thief"), answer: answer)
        #expect(TestGate.code(thief) == "challenge_failed", "a solution belongs to its session")
    }

    private func answer(_ gate: TestGate, _ session: String) async throws -> WorkAnswer {
        let response = try await gate.post("/v1/lots/1/challenge", session)
        let challenge = try JSON.decode(ChallengeDocument.self, from: response.body).challenge
        return try #require(ChallengeSolver.solve(challenge))
    }

    @Test("a buyer who is blocked in mid-sale is stopped within a second, with a token in hand, and keeps an order")
    func blockedBuyerIsStopped() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 2)
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let (ann, eve) = (try await gate.session("ann"), try await gate.session("eve"))
        let bought = try TestGate.document(try await gate.token(ann))
        let inHand = try TestGate.document(try await gate.token(eve))
        func buy(_ token: TokenDocument) async throws -> CurlResponse {
            try await cluster.buy(try #require(cluster.units.first { $0.url == token.unit }), token: token.token)
        }
        #expect(try await buy(bought).status == 201)
        #expect(try cluster.run(["sale", "block", "test", "ann"]).status == 0)
        // A token that has expired shows when the unit knows, and makes no order before.
        let home = try #require(cluster.units.first { $0.url == inHand.unit })
        let probe = cluster.token(buyer: "eve", unit: home.id.rawValue, lifetimeMilliseconds: -1)
        #expect(TestGate.code(try await cluster.buy(home, token: probe)) == "token_expired")
        let block = try await cluster.call(
            "PUT", "\(cluster.center)/v1/sales/test/blocked/eve", secret: cluster.secret("TRANCHE_ADMIN_SECRET"),
            body: [])
        #expect(block.status == 200)
        let blockedAt = ContinuousClock.now
        try await eventually("a unit that refuses the buyer") {
            TestGate.code(try await cluster.buy(home, token: probe)) == "blocked"
        }
        #expect(ContinuousClock.now - blockedAt < .seconds(1))
        #expect(TestGate.code(try await buy(inHand)) == "blocked")
        try await eventually("a gate that refuses") { TestGate.code(try await gate.token(eve)) == "blocked" }
        #expect(ContinuousClock.now - blockedAt < .seconds(5), "the gate limits how often it is asked")
        #expect(try await buy(bought).status == 201, "one order id has one outcome")
        #expect(try cluster.run(["sale", "unblock", "test", "eve"]).status == 0)
        try await eventually("eve who buys again") { try await buy(inHand).status == 201 }
    }

    @Test("a line lets buyers pass in order, keeps their ranks, and a lost gate or Redis costs nobody a place")
    func lineKeepsRanks() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1, contest: ["--line", "first-come"])
        defer { cluster.stop() }
        let gate = TestGate(cluster)
        let session = try await gate.session("ann")
        let entry = try JSON.decode(EntryDocument.self, from: try await gate.entry(session).body)
        let again = try await gate.entry(session)
        #expect(again.status == 200)
        let second = try JSON.decode(EntryDocument.self, from: again.body)
        #expect(second.rank == entry.rank, "one entry for each buyer")
        #expect(TestGate.code(try await gate.token(session)) == "bad_ticket")
        let foreign = try await gate.token(try await gate.session("bob"), ticket: entry.ticket)
        #expect(TestGate.code(foreign) == "bad_ticket", "a ticket belongs to its buyer")
        // Without its Redis the gate goes on, and says so.
        cluster.signal("redis-server", "gates/us-east", SIGKILL)
        try await eventually("turn of ann") { try await gate.token(session, ticket: entry.ticket).status == 201 }
        try await eventually("gate that says so") {
            try await cluster.call("GET", gate.url + "/readyz", secret: nil, body: nil).status == 503
        }
        // Another gate honours the ticket after this one is gone.
        cluster.signal("tranche-gate", "gates/us-east/gate.yaml", SIGKILL)
        let other = try await TestGate(cluster, 1).token(session, ticket: entry.ticket)
        #expect(other.status == 201)
    }

    /// Writes the rules of a gate for `sale create --gate`.
    static func rules(_ text: String) throws -> String {
        let path = try TemporaryFolder.make() + "/gate.json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}
