import CurlClient
import Testing
import TrancheAPI
import TrancheCore

/// Tokens that are revoked while a sale runs: real processes, from the operator's call to the unit's refusal.
@Suite("Revocation of tokens", .serialized, .timeLimit(.minutes(3))) struct RevocationTests {
    /// An operator's calls to the center of one cluster.
    private struct Operator {
        let cluster: TestCluster
        var secret: String { self.cluster.secret("TRANCHE_ADMIN_SECRET") }

        func sale() async throws -> SaleDocument {
            let url = "\(self.cluster.center)/v1/sales/test"
            return try JSON.decode(
                SaleDocument.self, from: try await self.cluster.call("GET", url, secret: self.secret, body: nil).body)
        }

        func revoke(seen version: Int?, key: String? = nil) async throws -> CurlResponse {
            var headers: [String: String] = [:]
            if let version { headers["If-Match"] = "\"\(version)\"" }
            if let key { headers["Idempotency-Key"] = key }
            return try await self.cluster.call(
                "POST", "\(self.cluster.center)/v1/sales/test/revocations", secret: self.secret, body: [],
                headers: headers)
        }

        func audit() async throws -> String {
            let url = "\(self.cluster.center)/v1/audit"
            return String(
                decoding: try await self.cluster.call("GET", url, secret: self.secret, body: nil).body, as: UTF8.self)
        }
    }

    /// Waits until every unit refuses tokens of this epoch, by tokens that have expired: none of them can make an order.
    private func waitForRefusal(of epoch: UInt32, _ cluster: TestCluster) async throws {
        for unit in cluster.units {
            let now = TestGate.now()
            let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(
                PurchaseToken(
                    order: OrderID(high: 7, low: UInt64(unit.id.rawValue)), lot: LotID(1), home: unit.id,
                    buyer: BuyerID("probe")!, issuedAt: now, notBefore: now, expiresAt: now,
                    epoch: RevocationEpoch(epoch)))
            try await eventually("\(unit.name) that refuses epoch \(epoch)") {
                TestGate.code(try await cluster.buy(unit, token: token)) == "token_revoked"
            }
        }
    }

    private func buy(_ token: TokenDocument, _ cluster: TestCluster) async throws -> CurlResponse {
        try await cluster.buy(try #require(cluster.units.first { $0.url == token.unit }), token: token.token)
    }

    /// A token of the gate for this buyer that a unit takes: the gate may hear of a revocation a moment later than the unit.
    private func buyAnew(_ session: String, _ gate: TestGate) async throws -> TokenDocument {
        for _ in 0..<20 {
            let answer = try await gate.token(session)
            if answer.status == 201 {
                let token = try TestGate.document(answer)
                let response = try await self.buy(token, gate.cluster)
                if response.status == 201 { return token }
                #expect(TestGate.code(response) == "token_revoked")
            }
            // The gate limits a buyer's requests.
            try await Task.sleep(for: .milliseconds(700))
        }
        throw TestFailure("the gate made no token that a unit takes")
    }

    @Test("tokens in hand are refused within a second; orders stay, and a new token is for the same order")
    func revokedTokensMakeNoOrder() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 2)
        defer { cluster.stop() }
        let (gate, operating) = (TestGate(cluster), Operator(cluster: cluster))
        try await eventually("an open gate") { try await gate.status().phase == .open }
        let (ann, eve) = (try await gate.session("ann"), try await gate.session("eve"))
        let bought = try TestGate.document(try await gate.token(ann))
        let inHand = try TestGate.document(try await gate.token(eve))
        #expect(try await self.buy(bought, cluster).status == 201)

        let seen = try await operating.sale()
        #expect(seen.sale.revocationEpoch == nil)
        #expect(try await operating.revoke(seen: seen.version, key: "once").status == 200)
        let revokedAt = ContinuousClock.now
        try await self.waitForRefusal(of: 0, cluster)
        #expect(ContinuousClock.now - revokedAt < .seconds(1))

        let refused = try await self.buy(inHand, cluster)
        #expect(refused.status == 401 && TestGate.code(refused) == "token_revoked")
        #expect(try await self.buy(bought, cluster).status == 201, "one order id has one outcome")
        let home = try #require(cluster.units.first { $0.url == bought.unit })
        #expect(try await cluster.pay(home, bought.order, "paid").status == 200)
        let anew = try await self.buyAnew(eve, gate)
        #expect(anew.order == inHand.order, "the same attempt")
        #expect(try await self.buy(inHand, cluster).status == 201, "the order is known, whichever token asks")

        try await self.repeatAct(operating, seen.version)
        try await self.outliveRestart(cluster, operating)
    }

    /// An act is done once, is in the audit trail, and is refused where the rules say so.
    private func repeatAct(_ operating: Operator, _ version: Int) async throws {
        #expect(try await operating.revoke(seen: version, key: "once").status == 200)
        #expect(try await operating.sale().sale.revocationEpoch == RevocationEpoch(1), "done once")
        #expect(try await operating.revoke(seen: version).status == 412)
        #expect(try await operating.revoke(seen: nil).status == 428)
        #expect(try await operating.audit().contains("revoke the tokens of test"))
    }

    /// A unit that is killed refuses the tokens after its restart; the shop's tokens are of the present epoch.
    private func outliveRestart(_ cluster: TestCluster, _ operating: Operator) async throws {
        #expect(try cluster.run(["sale", "revoke-tokens", "test"]).status == 0)
        #expect(try await operating.sale().sale.revocationEpoch == RevocationEpoch(2))
        try await self.waitForRefusal(of: 1, cluster)
        try await cluster.restartUnit(cluster.units[0])
        try await self.waitForRefusal(of: 1, cluster)
        let asked = try await cluster.call(
            "POST", "\(cluster.units[1].internalURL)/internal/v1/tokens", secret: cluster.secret("TRANCHE_SHOP_SECRET"),
            body: JSON.encode(MintBody(lot: LotID(1), buyer: BuyerID("bob")!)))
        let minted = try JSON.decode(MintedToken.self, from: asked.body)
        let home = try #require(cluster.units.first { $0.id == minted.home })
        try await eventually("bob's order") { try await cluster.buy(home, token: minted.token).status == 201 }
        #expect(try cluster.run(["sale", "close", "test"]).status == 0)
        let late = try await operating.revoke(seen: try await operating.sale().version)
        #expect(late.status == 409 && TestGate.code(late) == "wrong_state")
    }
}
