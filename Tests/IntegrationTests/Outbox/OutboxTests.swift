import CurlClient
import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import Storage
import Testing
import TrancheAPI
import TrancheCore

/// What shops hear of a sale, on real processes.
@Suite("Outbox", .serialized, .timeLimit(.minutes(3))) struct OutboxTests {
    private static let secret = "whsec_" + Data((1...32).map { UInt8($0) }).base64EncodedString()

    /// The settings of one consumer, as environment.
    private static func consumer(_ name: String, _ url: String, _ more: [String: String] = [:]) -> [String: String] {
        let key = "OUTBOX_\(name.uppercased())"
        var values = [
            "\(key)_URL": url, "\(key)_PRIVATE": "true", "\(key)_TIMEOUT": "1000",
            "\(key)_PAUSES": Array(repeating: "50", count: 15).joined(separator: ","),
            "TRANCHE_\(key)_SECRET": Self.secret,
        ]
        for (setting, value) in more { values["\(key)_\(setting)"] = value }
        return values
    }

    /// The ids of all events that the ledger of a unit has, by the test's own reading.
    private static func events(_ cluster: TestCluster, _ unit: TestCluster.Unit) throws -> [OutboxEvent] {
        let audit = try LedgerAudit(path: "\(cluster.folder)/units/\(unit.name)/ledger.sqlite")
        return audit.commits.flatMap { commit in
            let entries = commit.entries ?? []
            let first = commit.head.position + 1 - UInt64(entries.count)
            return entries.enumerated().flatMap { number, entry in
                entry.events(at: first + UInt64(number), generation: Generation(1))
            }
        }
    }

    private func outbox(_ cluster: TestCluster, _ unit: TestCluster.Unit) async throws -> [ConsumerDocument] {
        let response = try await cluster.call(
            "GET", "\(unit.internalURL)/internal/v1/outbox", secret: cluster.secret("TRANCHE_SHOP_SECRET"), body: nil)
        return try JSON.decode([ConsumerDocument].self, from: response.body)
    }

    /// Buys, pays for two thirds, cancels some, and lets the others expire.
    private func trade(
        _ cluster: TestCluster, _ unit: TestCluster.Unit, buyers: Range<Int>
    ) async throws -> [OrderID] {
        let codec = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET"))
        var orders: [OrderID] = []
        for number in buyers {
            let claims = cluster.claims(buyer: "buyer\(number)", unit: unit.id.rawValue)
            let token = codec.mint(claims)
            guard try await cluster.buy(unit, token: token).status == 201 else { continue }
            orders.append(claims.order)
            switch number % 6 {
            case 0..<4:
                _ = try await cluster.pay(unit, claims.order, "p\(number)")
                if number % 6 == 0 { _ = try await cluster.pay(unit, claims.order, "again\(number)") }
            case 4:
                _ = try await cluster.call(
                    "POST", "\(unit.url)/v1/orders/\(claims.order)/cancel", secret: token, body: [])
            default: break
            }
        }
        return orders
    }

    @Test("every order's events arrive in order from a unit that is killed, at a shop that refuses every third one")
    func everyFateArrives() async throws {
        let cluster = try await TestCluster.start(stock: 600, limit: 1, windowMilliseconds: 3_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let book = ShopBook(secret: Self.secret)
        let shop = try WebhookReceiver { request in
            book.take(request) { Int($0 &* 2_654_435_761 >> 7) % 10 < 3 }
        }
        defer { shop.stop() }
        // Beside it: one that never answers.
        let silent = try WebhookReceiver { _ in .silence }
        defer { silent.stop() }
        let settings = Self.consumer("shop", shop.url).merging(Self.consumer("silent", silent.url)) { $1 }
            .merging(["OUTBOX_CONSUMERS": "shop,silent"]) { $1 }
        // What was sold before there was any consumer is told, too.
        var orders = try await self.trade(cluster, unit, buyers: 0..<30)
        try await cluster.restartUnit(unit, secrets: settings)
        orders += try await self.trade(cluster, unit, buyers: 30..<90)
        try await cluster.wait(for: "the first events") { book.seen.taken.count > 20 }
        // SIGKILL, in the middle.
        try await cluster.restartUnit(unit, secrets: settings)
        orders += try await self.trade(cluster, unit, buyers: 90..<140)
        try await cluster.restartUnit(unit, secrets: settings)
        #expect(orders.count > 100)

        try await cluster.wait(for: "the end of all reservations") {
            for order in orders where try await cluster.state(unit, order) == "reserved" { return false }
            return true
        }
        let events = try Self.events(cluster, unit).filter { $0.kind != .lost }
        let expected = Set(events.map { $0.id(of: unit.id) })
        try await cluster.wait(for: "all events at the shop") { book.seen.taken.count >= expected.count }
        let seen = book.seen
        #expect(Set(seen.taken.map(\.id)) == expected)
        #expect(Set(seen.taken.map(\.order)).isSuperset(of: orders.map(\.description)))
        #expect(seen.refused > 50)
        #expect(seen.badSignatures == 0)
        #expect(seen.changed.isEmpty, "an id names one event for ever")
        #expect(ShopBook.disordered(seen.taken).isEmpty)
        #expect(seen.taken.contains { $0.type == "tranche.order.refund_due" })
        #expect(seen.taken.contains { $0.type == "tranche.order.expired" })
        #expect(seen.taken.contains { $0.type == "tranche.order.stock_returned" })

        try await cluster.wait(for: "a cursor at the end") {
            let shop = try await self.outbox(cluster, unit).first { $0.consumer == "shop" }
            return shop?.waiting == 0 && (shop?.lag ?? 99) < 20
        }
        let silentOne = try #require(try await self.outbox(cluster, unit).first { $0.consumer == "silent" })
        #expect(silentOne.delivered == 0)
        #expect(silentOne.lag > 100)
    }

    @Test("a consumer with a rate of 200 never gets more than 200 events in a second, by its own clock")
    func rateHoldsAtTheReceiver() async throws {
        let cluster = try await TestCluster.start(stock: 600, limit: 1, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let arrivals = NIOLockedValueBox<[ContinuousClock.Instant]>([])
        // It takes an event when it has read the whole request, and stands still now and then: what was sent meanwhile comes together.
        let shop = try WebhookReceiver { _ in
            let count = arrivals.withLockedValue { arrivals in
                arrivals.append(.now)
                return arrivals.count
            }
            if count % 150 == 0 { usleep(300_000) }
            return .status(200)
        }
        defer { shop.stop() }
        let codec = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET"))
        for number in 0..<500 {
            let token = codec.mint(cluster.claims(buyer: "buyer\(number)", unit: unit.id.rawValue))
            // Quota comes in parts: a buyer who is asked to come again does so.
            try await cluster.wait(for: "order \(number)") { try await cluster.buy(unit, token: token).status == 201 }
        }
        let settings = Self.consumer("shop", shop.url, ["RATE": "200", "CONCURRENCY": "64", "TIMEOUT": "10000"])
        try await cluster.restartUnit(unit, secrets: settings.merging(["OUTBOX_CONSUMERS": "shop"]) { $1 })
        try await cluster.wait(for: "all events") { arrivals.withLockedValue { $0.count } >= 500 }
        let moments = arrivals.withLockedValue { $0 }.sorted()
        for (index, moment) in moments.enumerated() where index >= 200 {
            #expect(moment - moments[index - 200] > .seconds(1), "201 events within \(moment - moments[index - 200])")
        }
    }

    @Test("a receiver that is gone, or takes nothing, keeps its events until an operator says so")
    func operatorsDecide() async throws {
        let cluster = try await TestCluster.start(stock: 600, limit: 1, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let (gone, broken) = (NIOLockedValueBox(true), NIOLockedValueBox(true))
        let books = (ShopBook(secret: Self.secret), ShopBook(secret: Self.secret))
        let first = try WebhookReceiver { request in
            gone.withLockedValue { $0 } ? .status(410) : books.0.take(request) { _ in false }
        }
        let second = try WebhookReceiver { request in
            books.1.take(request) { _ in broken.withLockedValue { $0 } }
        }
        defer { [first, second].forEach { $0.stop() } }
        let settings = Self.consumer("gone", first.url, ["CONCURRENCY": "1"])
            .merging(Self.consumer("broken", second.url, ["PAUSES": "10,20", "EVENTS": "paid"])) { $1 }
            .merging(["OUTBOX_CONSUMERS": "gone,broken"]) { $1 }
        try await cluster.restartUnit(unit, secrets: settings)
        let orders = try await self.trade(cluster, unit, buyers: 0..<4)
        #expect(orders.count == 4)
        func document(_ name: String) async throws -> ConsumerDocument? {
            try await self.outbox(cluster, unit).first { $0.consumer == name }
        }
        try await cluster.wait(for: "an end of the one that is gone") {
            try await document("gone")?.state == "disabled"
        }
        let metrics = try await cluster.call("GET", "\(unit.internalURL)/metrics", secret: nil, body: nil)
        let text = String(decoding: metrics.body, as: UTF8.self)
        #expect(text.contains("tranche_outbox_gone_total{consumer=\"gone\"} 1"))
        #expect(text.contains("tranche_outbox_disabled{consumer=\"gone\"} 1"))
        try await cluster.wait(for: "dead letters") { try await document("broken")?.dead == 4 }

        // Both survive a restart.
        try await cluster.restartUnit(unit, secrets: settings)
        try await cluster.wait(for: "the consumers") { try await document("broken")?.dead == 4 }
        #expect(try await document("gone")?.state == "disabled")
        let dead = try cluster.run(["outbox", "dead", "broken", "--unit", unit.name])
        #expect(dead.output.contains("tranche.order.paid"), "\(dead.output)")
        #expect(dead.output.contains("status 50"), "\(dead.output)")

        gone.withLockedValue { $0 = false }
        broken.withLockedValue { $0 = false }
        #expect(try cluster.run(["outbox", "enable", "gone", "--unit", unit.name]).status == 0)
        #expect(try cluster.run(["outbox", "revive", "broken", "--unit", unit.name]).status == 0)
        try await cluster.wait(for: "all events") { books.0.seen.taken.count >= 8 && books.1.seen.taken.count == 4 }
        #expect(ShopBook.disordered(books.0.seen.taken).isEmpty)
        try await cluster.wait(for: "no dead letter") { try await document("broken")?.dead == 0 }

        // A range again, under the same ids.
        let positions = books.1.seen.taken.map(\.position)
        let (low, high) = (positions.min() ?? 1, positions.max() ?? 1)
        let replay = ["outbox", "replay", "broken", "--from", "\(low)", "--to", "\(high)", "--unit", unit.name]
        #expect(try cluster.run(replay).status == 0)
        try await cluster.wait(for: "the repetition") { books.1.seen.duplicates == 4 }
        #expect(books.1.seen.changed.isEmpty)
        let unknown = try cluster.run(["outbox", "enable", "nobody", "--unit", unit.name])
        #expect(unknown.status == 1)
        #expect(unknown.output.contains("unknown_consumer"), "\(unknown.output)")
    }
}
