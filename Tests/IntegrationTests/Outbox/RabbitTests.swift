import CurlClient
import Foundation
import RabbitClient
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Events in the exchanges of a RabbitMQ that is killed in the middle of a sale, on real processes.
@Suite("A RabbitMQ of events", .serialized, .timeLimit(.minutes(4))) struct RabbitTests {
    private static let queue = "orders"

    private func trade(
        _ cluster: TestCluster, _ unit: TestCluster.Unit, buyers: Range<Int>
    ) async throws -> [OrderID] {
        let codec = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET"))
        var orders: [OrderID] = []
        for number in buyers {
            let claims = cluster.claims(buyer: "buyer\(number)", unit: unit.id.rawValue)
            guard try await cluster.buy(unit, token: codec.mint(claims)).status == 201 else { continue }
            orders.append(claims.order)
            // Of some, two payments come: the second one is to be refunded.
            for payment in number % 5 == 0 ? ["p\(number)", "again\(number)"] : ["p\(number)"] {
                _ = try await cluster.pay(unit, claims.order, payment)
            }
        }
        return orders
    }

    /// All events that the unit's ledger has, by the test's own reading.
    private static func events(_ cluster: TestCluster, _ unit: TestCluster.Unit) throws -> Set<String> {
        let audit = try LedgerAudit(path: "\(cluster.folder)/units/\(unit.name)/ledger.sqlite")
        let ids = audit.commits.flatMap { commit -> [String] in
            let entries = commit.entries ?? []
            let first = commit.head.position + 1 - UInt64(entries.count)
            return entries.enumerated().flatMap { number, entry in
                entry.events(at: first + UInt64(number), generation: Generation(1)).map { $0.id(of: unit.id) }
            }
        }
        return Set(ids)
    }

    @Test("a broker that is killed in the middle of a sale loses nothing, and each order's events are in order")
    func nothingIsLost() async throws {
        let rabbit = try PrivateRabbit()
        let connection = try rabbit.connect()
        for exchange in ["tranche.sale.test", "tranche.refunds"] {
            try connection.bind(queue: Self.queue, to: exchange)
        }
        connection.close()
        let cluster = try await TestCluster.start(stock: 300, limit: 1, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let settings = [
            "OUTBOX_CONSUMERS": "broker", "OUTBOX_BROKER_AMQP": rabbit.address.description,
            "OUTBOX_BROKER_USER": PrivateRabbit.login.user, "OUTBOX_BROKER_TIMEOUT": "5000",
            "OUTBOX_BROKER_PAUSES": Array(repeating: "50", count: 15).joined(separator: ","),
            "TRANCHE_OUTBOX_BROKER_SECRET": PrivateRabbit.login.password,
        ]
        var messages: [RabbitMessage] = []
        try await cluster.restartUnit(unit, secrets: settings)
        var orders = try await self.trade(cluster, unit, buyers: 0..<20)
        try await cluster.wait(for: "the first messages") {
            messages += try rabbit.takeAll(from: Self.queue)
            return messages.count > 10
        }
        // Some events are in the queue, some on their way, and some are still to come.
        orders += try await self.trade(cluster, unit, buyers: 20..<30)
        rabbit.kill()
        orders += try await self.trade(cluster, unit, buyers: 30..<50)
        try rabbit.start()
        // An operator knows that it is back.
        #expect(try cluster.run(["outbox", "revive", "broker", "--unit", unit.name]).status == 0)
        orders += try await self.trade(cluster, unit, buyers: 50..<60)
        #expect(orders.count == 60)
        let expected = try Self.events(cluster, unit)
        #expect(expected.count >= 2 * orders.count)
        try await cluster.wait(for: "all messages") {
            messages += try rabbit.takeAll(from: Self.queue)
            return Set(messages.map(\.id)).isSuperset(of: expected)
        }
        #expect(Set(messages.map(\.id)) == expected)
        for order in orders {
            let mine = messages.filter { $0.correlationID == order.description }
            var seen: Set<String> = []
            let positions = mine.filter { seen.insert($0.id).inserted }.map { Int($0.id.split(separator: ":")[2]) ?? 0 }
            #expect(positions == positions.sorted(), "\(order): \(mine.map(\.id))")
            #expect(mine.contains { $0.routingKey == "order.paid.1" })
        }
        #expect(messages.contains { $0.routingKey == "order.refund_due.none" })
    }
}
