import Clusters
import CurlClient
import DaemonSupport
import Foundation
import SampleProvider
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// A unit beside the sample payment provider, on real processes.
@Suite("The payment provider", .serialized, .timeLimit(.minutes(3))) struct ProviderTests {
    static let price: Int64 = 1_999

    private func start(stock: Int, windowMilliseconds: Int, regions: String = "us-east") async throws -> TestCluster {
        try await TestCluster.start(
            stock: stock, limit: 1, windowMilliseconds: windowMilliseconds,
            contest: ["--contest", "never", "--price", "\(Self.price)", "--currency", "EUR"],
            options: ["--provider", "--regions", regions])
    }

    private func client(_ cluster: TestCluster) throws -> AdminClient {
        AdminClient(try ClusterFolder(path: cluster.folder).load())
    }

    private func buy(_ cluster: TestCluster, _ buyer: String) async throws -> OrderID {
        try await self.buy(cluster, cluster.claims(buyer: buyer))
    }

    @discardableResult private func buy(_ cluster: TestCluster, _ claims: PurchaseToken) async throws -> OrderID {
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        try await cluster.wait(for: "an order of \(claims.buyer)") {
            try await cluster.buy(cluster.units[0], token: token).status == 201
        }
        return claims.order
    }

    /// Pays at the provider.
    private func charge(
        _ cluster: TestCluster, _ order: OrderID, key: String = "1", copies: Int? = nil, amount: Int64 = Self.price
    ) async throws {
        let url = try #require(try ClusterFolder(path: cluster.folder).load().providerURL)
        let body = ChargeBody(
            order: order, amount: amount, currency: "EUR", callback: "us-east", callbackCopies: copies)
        let response = try await cluster.call(
            "POST", url + ProviderForm.paymentsPath, secret: cluster.secret(ClusterLayout.providerSecretName),
            body: JSON.encode(body), headers: [ProviderForm.keyHeader: "\(order)-\(key)"])
        #expect(response.status == 201, "\(String(decoding: response.body, as: UTF8.self))")
    }

    private func wait(_ cluster: TestCluster, for order: OrderID, _ state: String) async throws {
        try await cluster.wait(for: "\(state) order") { try await cluster.state(cluster.units[0], order) == state }
    }

    /// The ledgers' money beside the provider's, after all processes have stopped.
    private func compare(_ cluster: TestCluster, _ provider: [ProviderEntry]) throws -> MoneyComparison {
        cluster.stop()
        let verifier = try Verifier(folder: cluster.folder)
        #expect(verifier.report().isSound)
        return MoneyComparison(ledgers: verifier.bookedMoney, provider: provider)
    }

    @Test(
        "a payment that comes after its order was sold again is given back once; one whose items are there revives it")
    func latePayments() async throws {
        let cluster = try await self.start(stock: 2, windowMilliseconds: 1_500)
        defer { cluster.stop() }
        let client = try self.client(cluster)
        let (first, second) = (try await self.buy(cluster, "a"), try await self.buy(cluster, "b"))
        try await self.wait(cluster, for: first, "expired")
        try await self.wait(cluster, for: second, "expired")
        let other = try await self.buy(cluster, "c")
        try await self.charge(cluster, other)
        try await self.wait(cluster, for: other, "paid")
        // One item is left: the first late payment takes it, and three copies of the second one find none.
        try await self.charge(cluster, first)
        try await self.wait(cluster, for: first, "paid")
        try await self.charge(cluster, second, copies: 3)
        #expect(await client.waitForProvider(seconds: 20), "the refund is done")
        let refunds = try await cluster.refunds(cluster.units[0])
        #expect(refunds.map(\.order) == [second])
        #expect(refunds.allSatisfy { $0.isDone })
        let book = try await client.providerBook()
        let keys = book.flatMap(\.refunds).map(\.key)
        #expect(keys == ["refund:\(second):1"])
        let comparison = try self.compare(cluster, book)
        #expect(comparison.isEqual, "\(comparison.findings)")
        #expect(comparison.rows.map(\.providerAmount) == [3 * Self.price, Self.price, 2 * Self.price])
    }

    @Test(
        "while the provider is away or speaks nonsense, an order is held beyond its deadline; then it is paid or sold again"
    )
    func providerAway() async throws {
        let cluster = try await self.start(stock: 4, windowMilliseconds: 2_000)
        defer { cluster.stop() }
        let client = try self.client(cluster)
        for fault in [#"{"away":"status"}"#, #"{"away":"silence"}"#, #"{"lies":"nonsense"}"#] {
            let faults = try JSON.decode(ProviderFaults.self, from: fault.utf8)
            let claims = ["p", "u"].map { cluster.claims(buyer: "\($0)\(fault.utf8.count)") }
            let (paid, unpaid) = (claims[0].order, claims[1].order)
            // Nobody is told of this payment: the unit has to ask. It is there before the order, so that no question is
            // early.
            try await self.charge(cluster, paid, copies: 0)
            try await client.set(faults)
            let questions = try await self.unknown(cluster)
            for one in claims { try await self.buy(cluster, one) }
            try await cluster.wait(for: "questions without an answer") {
                try await self.unknown(cluster) >= questions + 4
            }
            let response = try await cluster.call(
                "GET", "\(cluster.units[0].url)/v1/orders/\(unpaid)", secret: nil, body: nil)
            let document = try JSON.decode(OrderDocument.self, from: response.body)
            let deadline = try #require(document.deadlineMicroseconds)
            try await cluster.wait(for: "the deadline") { deadline.advanced(milliseconds: 300) < SystemClock.now() }
            #expect(try await cluster.state(cluster.units[0], paid) == "reserved", "\(fault)")
            #expect(try await cluster.state(cluster.units[0], unpaid) == "reserved", "\(fault)")
            try await client.set(ProviderFaults())
            try await self.wait(cluster, for: paid, "paid")
            try await self.wait(cluster, for: unpaid, "expired")
        }
        let comparison = try self.compare(cluster, try await client.providerBook())
        #expect(comparison.isEqual, "\(comparison.findings)")
    }

    /// Questions that got no clear answer so far.
    private func unknown(_ cluster: TestCluster) async throws -> Int {
        let response = try await cluster.call("GET", "\(cluster.units[0].internalURL)/metrics", secret: nil, body: nil)
        let text = String(decoding: response.body, as: UTF8.self)
        let name = "tranche_provider_calls_total{call=\"question\",answer=\"unknown\"} "
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Double($0.dropFirst(name.count)) }.map { Int($0) } ?? 0
    }

    @Test("a unit that is killed during refunds goes on with them: each that is due is done exactly once")
    func killedDuringRefunds() async throws {
        let cluster = try await self.start(stock: 40, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let client = try self.client(cluster)
        var slow = ProviderFaults()
        slow.refundAfterMilliseconds = 1_000
        try await client.set(slow)
        var orders: [OrderID] = []
        for number in 0..<20 {
            let order = try await self.buy(cluster, "b\(number)")
            orders.append(order)
            for key in ["1", "2"] { try await self.charge(cluster, order, key: key) }
            if number == 10 { try await cluster.restartUnit(cluster.units[0]) }
        }
        try await cluster.wait(for: "the first refunds at the provider") {
            try await !client.providerBook().allSatisfy { $0.refunds.isEmpty }
        }
        try await cluster.restartUnit(cluster.units[0])
        #expect(await client.waitForProvider(seconds: 40), "every refund is done")
        let book = try await client.providerBook()
        let keys = book.flatMap(\.refunds).map(\.key)
        #expect(Set(keys) == Set(orders.map { "refund:\($0):1" }))
        #expect(keys.count == orders.count, "one refund for each order")
        let comparison = try self.compare(cluster, book)
        #expect(comparison.isEqual, "\(comparison.findings)")
        #expect(comparison.rows.map(\.providerAmount) == [40 * Self.price, 20 * Self.price, 20 * Self.price])
    }

    @Test("a unit does not start with a provider that it cannot ask") func settings() async throws {
        let cluster = try await self.start(stock: 4, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let file = "\(cluster.folder)/units/\(unit.name)/unit.yaml"
        var secrets = cluster.environment(of: unit)
        secrets[ClusterLayout.providerSecretName] = nil
        cluster.signal("tranche-unit", "units/\(unit.name)/unit.yaml", SIGKILL)
        try await cluster.wait(for: "the unit's end") { cluster.count("tranche-unit") == 0 }
        #expect(try cluster.output(of: "tranche-unit", file, secrets).contains("TRANCHE_PROVIDER_SECRET is missing"))
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let changed = "\(cluster.folder)/changed.yaml"
        try Data(text.replacing("private: \"true\"", with: "private: \"false\"").utf8)
            .write(to: URL(fileURLWithPath: changed))
        let output = try cluster.output(of: "tranche-unit", changed, cluster.environment(of: unit))
        #expect(output.contains("provider.url is"), "\(output)")
    }
}
