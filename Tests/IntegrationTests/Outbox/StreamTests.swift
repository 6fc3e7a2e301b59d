import CurlClient
import Foundation
import RedisClient
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Events in a stream of a Redis, on real processes.
@Suite("A stream of events", .serialized, .timeLimit(.minutes(2))) struct StreamTests {
    private static func entries(_ socket: String) throws -> [(id: String, type: String, order: String)] {
        let address = try #require(RedisConnection.Address(socket))
        let reply = try RedisConnection(address, timeoutMilliseconds: 5_000).ask("XRANGE", "orders", "-", "+")
        return (reply.array ?? []).map { entry in
            let texts = (entry.array?.last?.array ?? []).map { $0.text ?? "" }
            func field(_ name: String) -> String {
                texts.firstIndex(of: name).map { texts[texts.index(after: $0)] } ?? ""
            }
            return (field("id"), field("type"), field("order"))
        }
    }

    @Test(
        "a stream has every event of a unit that is killed, in order for each order, while its Redis is away for a while"
    )
    func everyEventIsInTheStream() async throws {
        let cluster = try await TestCluster.start(stock: 300, limit: 1, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let redis = try PrivateRedis()
        let settings = [
            "OUTBOX_CONSUMERS": "queue", "OUTBOX_QUEUE_REDIS": redis.socket, "OUTBOX_QUEUE_STREAM": "orders",
            "OUTBOX_QUEUE_PAUSES": Array(repeating: "50", count: 15).joined(separator: ","),
        ]
        var orders: [OrderID] = []
        func trade(_ buyers: Range<Int>) async throws {
            for number in buyers {
                let claims = cluster.claims(buyer: "buyer\(number)", unit: unit.id.rawValue)
                let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
                guard try await cluster.buy(unit, token: token).status == 201 else { continue }
                orders.append(claims.order)
                _ = try await cluster.pay(unit, claims.order, "p\(number)")
            }
        }
        // Sold before there was a consumer; then while its Redis is away; then behind a crash.
        try await trade(0..<10)
        redis.kill()
        try await cluster.restartUnit(unit, secrets: settings)
        try await trade(10..<20)
        try redis.start()
        try await cluster.wait(for: "the first entries") { try Self.entries(redis.socket).count > 10 }
        try await cluster.restartUnit(unit, secrets: settings)
        try await trade(20..<30)
        #expect(orders.count == 30)
        try await cluster.wait(for: "all entries") {
            Set(try Self.entries(redis.socket).map(\.id)).count >= 2 * orders.count
        }
        let entries = try Self.entries(redis.socket)
        for order in orders {
            let types = entries.filter { $0.order == order.description }.map(\.type)
            #expect(types.first == "tranche.order.reserved", "\(order): \(types)")
            #expect(types.contains("tranche.order.paid"), "\(order): \(types)")
        }
        #expect(entries.allSatisfy { $0.id.hasPrefix("\(unit.id):1:") })
    }
}
