import Clusters
import CurlClient
import DaemonSupport
import Foundation
import SampleShop
import Sockets
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// The sample shop beside a small sale, on real processes.
@Suite("The sample shop", .serialized, .timeLimit(.minutes(3))) struct SampleShopTests {
    /// Buys, pays for most, pays too late or twice for some, and lets the others expire.
    private func trade(_ cluster: TestCluster, _ unit: TestCluster.Unit, buyers: Range<Int>) async throws -> [OrderID] {
        let codec = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET"))
        var orders: [OrderID] = []
        for number in buyers {
            let claims = cluster.claims(buyer: "buyer\(number)", unit: unit.id.rawValue)
            let token = codec.mint(claims)
            guard try await cluster.buy(unit, token: token).status == 201 else { continue }
            orders.append(claims.order)
            switch number % 5 {
            case 0, 1: _ = try await cluster.pay(unit, claims.order, "p\(number)")
            case 2:
                for payment in ["p\(number)", "again\(number)"] {
                    _ = try await cluster.pay(unit, claims.order, payment)
                }
            case 3:
                _ = try await cluster.call(
                    "POST", "\(unit.url)/v1/orders/\(claims.order)/cancel", secret: token, body: [])
                _ = try await cluster.pay(unit, claims.order, "late\(number)")
            default: break
            }
        }
        return orders
    }

    @Test("the shop's book is equal to the ledgers after a sale in which the shop and a unit were killed")
    func booksAreEqual() async throws {
        let cluster = try await TestCluster.start(
            stock: 300, limit: 1, windowMilliseconds: 2_000, options: ["--shop"], restarts: true)
        defer { cluster.stop() }
        let client = AdminClient(try ClusterFolder(path: cluster.folder).load())
        var orders = try await self.trade(cluster, cluster.units[0], buyers: 0..<30)
        try await cluster.wait(for: "the first orders at the shop") {
            ((try? await client.shopBook().count) ?? 0) > 10
        }
        // `up` starts both again. Meanwhile the others sell on.
        cluster.signal("tranche-sample-shop", "shop/shop.yaml", SIGKILL)
        orders += try await self.trade(cluster, cluster.units[1], buyers: 30..<60)
        cluster.signal("tranche-unit", "units/\(cluster.units[1].name)/unit.yaml", SIGKILL)
        orders += try await self.trade(cluster, cluster.units[0], buyers: 60..<90)
        #expect(orders.count > 60)

        #expect(await client.waitForShop(seconds: 30), "the shop hears of everything")
        let shop = try await client.shopBook()
        cluster.stop()
        let comparison = BookComparison(ledgers: try Verifier(folder: cluster.folder).bookedOrders, shop: shop)
        #expect(comparison.isEqual, "\(comparison.findings)")
        #expect(Set(shop.keys).isSuperset(of: orders))
        for state in ["paid", "expired", "cancelled"] {
            #expect(comparison.rows.contains { $0.name == state && $0.both > 0 }, "\(state)")
        }
        #expect(comparison.rows.last?.both ?? 0 > 5, "refunds")
    }

    @Test("the shop states what became of a webhook, and shows its book to its own people only")
    func outcomesAreStated() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1, options: ["--shop"])
        defer { cluster.stop() }
        let shop = try #require(try ClusterFolder(path: cluster.folder).load().shopURL)
        let signature = try #require(WebhookSignature(secrets: [cluster.secret("TRANCHE_OUTBOX_SHOP_SECRET")]))
        let now = Int64(Date().timeIntervalSince1970)
        let order = OrderID(high: 1, low: 2)
        func send(
            _ id: String, _ type: String, at seconds: Int64 = now, padding: Int = 0, signed: Bool = true
        ) async throws -> (status: Int, text: String) {
            let space = String(repeating: " ", count: padding)
            let body = Array(
                #"{"id":"\#(id)","type":"tranche.\#(type)","subject":"\#(order)","data":{}}\#(space)"#.utf8)
            let code = signature.sign(id: id, seconds: seconds, signed ? body : [])
            let response = try await cluster.call(
                "POST", shop + "/hooks/tranche", secret: nil, body: body,
                headers: ["webhook-id": id, "webhook-timestamp": "\(seconds)", "webhook-signature": code])
            return (response.status, String(decoding: response.body, as: UTF8.self))
        }
        let cases: [(name: String, answer: (status: Int, text: String), status: Int, word: String)] = [
            ("new", try await send("9:1:5:0", "order.reserved"), 200, "applied"),
            ("again", try await send("9:1:5:0", "order.reserved"), 200, "duplicate"),
            ("another one under its id", try await send("9:1:5:0", "order.paid"), 409, "conflicting_event"),
            ("older", try await send("9:1:4:0", "order.cancelled"), 200, "history"),
            ("unknown", try await send("9:1:6:0", "sale.opened"), 200, "ignored"),
            ("unsigned", try await send("9:1:7:0", "order.paid", signed: false), 401, "bad_signature"),
            ("old", try await send("9:1:7:0", "order.paid", at: now - 400), 401, "bad_signature"),
            ("too large", try await send("9:1:7:0", "order.paid", padding: 20_000), 413, "body_too_large"),
            ("no place", try await send("seven", "order.paid"), 400, "invalid_event"),
        ]
        for one in cases {
            #expect(one.answer.status == one.status, "\(one.name): \(one.answer.text)")
            #expect(one.answer.text.contains(one.word), "\(one.name): \(one.answer.text)")
        }
        let csv = try await cluster.call(
            "GET", shop + "/book.csv", secret: cluster.secret("TRANCHE_SAMPLE_SHOP_SECRET"), body: nil)
        #expect(String(decoding: csv.body, as: UTF8.self) == "order,state,payment,refunds\r\n\(order),reserved,,0\r\n")
        for path in ["/book", "/book.csv"] {
            for secret in [nil, "wrong", cluster.secret("TRANCHE_SHOP_SECRET")] {
                let response = try await cluster.call("GET", shop + path, secret: secret, body: nil)
                #expect(response.status == 401, "\(path)")
            }
        }
        try await self.gateKnowsBuyers(cluster, shop)
    }

    /// Signs a buyer in at the shop, and shows the proof to a gate that has the shop's keys.
    private func gateKnowsBuyers(_ cluster: TestCluster, _ shop: String) async throws {
        struct SignIn: Decodable { let proof: String }
        let signIn = try await cluster.call(
            "POST", shop + "/sign-in", secret: nil, body: Array("{\"name\":\"ann\"}".utf8))
        #expect(signIn.status == 201)
        let proof = try JSON.decode(SignIn.self, from: signIn.body).proof

        let layout = try ClusterFolder(path: cluster.folder).load()
        let gate = try #require(layout.gates.first)
        let ports = try FreePorts.take(2)
        let settings = [
            "GATE_NAME": "of-shop", "PUBLIC_PORT": "\(ports[0])", "INTERNAL_PORT": "\(ports[1])",
            "IDENTITY_DEV": "false", "IDENTITY_KEYS": shop + "/keys", "IDENTITY_ISSUER": ShopIdentity.issuer,
            "IDENTITY_AUDIENCE": ShopIdentity.audience,
        ]
        let process = try ChildProcess(
            TestCluster.program("tranche-gate").path, ["--config", "\(cluster.folder)/gates/\(gate.name)/gate.yaml"],
            environment: ProcessInfo.processInfo.environment.merging(layout.secrets(of: .gate(gate.name))) { $1 }
                .merging(settings) { $1 },
            log: "\(cluster.folder)/gates/\(gate.name)/of-shop.log")
        defer {
            process.send(SIGTERM)
            _ = process.wait()
        }
        let url = "http://127.0.0.1:\(ports[0])"
        try await cluster.wait(for: "a gate of the shop") {
            (try? await cluster.call("GET", url + "/readyz", secret: nil, body: nil))?.status == 200
        }
        let session = try await cluster.call("POST", url + "/v1/session", secret: proof, body: [])
        #expect(session.status == 201, "\(String(decoding: session.body, as: UTF8.self))")
        // The other gates belong to no shop.
        let other = try await cluster.call("POST", gate.publicURL + "/v1/session", secret: proof, body: [])
        #expect(other.status == 401)
    }
}
