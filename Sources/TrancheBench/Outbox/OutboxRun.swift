import Clusters
import Foundation
import LoadGenerator
import Synchronization
import Terminal

/// One unit with a shop that takes every event at once.
enum OutboxRun {
    struct Settings {
        let seconds: Double
        let connections: Int
        let concurrency: Int
        let events: Int
        static let preparedPerSecond = 80_000.0
    }

    /// Counts the events that a shop gets.
    private final class Shop: Sendable {
        let receiver: WebhookReceiver
        private let counter: Counter
        var taken: Int { self.counter.value }

        init() throws {
            let counter = Counter()
            self.counter = counter
            self.receiver = try WebhookReceiver(needsHeaders: false) { _ in
                counter.add()
                return .status(200)
            }
        }
    }
    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func add() { self.count.wrappingAdd(1, ordering: .relaxed) }
        var value: Int { self.count.load(ordering: .relaxed) }
    }

    private static func environment(_ shop: Shop, _ settings: Settings) -> [String: String] {
        [
            "OUTBOX_CONSUMERS": "shop", "OUTBOX_SHOP_URL": shop.receiver.url, "OUTBOX_SHOP_PRIVATE": "true",
            "OUTBOX_SHOP_CONCURRENCY": "\(settings.concurrency)", "OUTBOX_SHOP_QUEUE": "65536",
            "TRANCHE_OUTBOX_SHOP_SECRET": "whsec_" + Data(repeating: 7, count: 32).base64EncodedString(),
        ]
    }

    /// Orders a second in closed loop, with a consumer or without.
    static func sell(_ settings: Settings, hasConsumer: Bool, _ steps: Steps) async throws -> Double {
        let shop = try Shop()
        defer { shop.receiver.stop() }
        let unit = MeasuredUnit(connections: settings.connections + 64)
        return try await Stopping.run({ await unit.stop() }) {
            try await unit.start(environment: hasConsumer ? self.environment(shop, settings) : [:])
            return try await steps.run(hasConsumer ? "with a consumer" : "without a consumer") {
                let warmUp = unit.buyTape(count: Int(0.5 * Settings.preparedPerSecond))
                _ = try await Drive(port: unit.port, connections: settings.connections, seconds: 0.5).run(warmUp.tape)
                let tape = unit.buyTape(count: Int(settings.seconds * Settings.preparedPerSecond))
                let result = try await Drive(
                    port: unit.port, connections: settings.connections, seconds: settings.seconds
                ).run(tape.tape)
                if hasConsumer { steps.say("  the shop heard \(Output.number(shop.taken)) events meanwhile") }
                return result.perSecond(201)
            }
        }
    }

    /// How fast a shop hears of orders that were sold while it was away.
    static func catchUp(_ settings: Settings, _ steps: Steps) async throws -> (perSecond: Double, events: Int) {
        let shop = try Shop()
        defer { shop.receiver.stop() }
        let unit = MeasuredUnit(connections: settings.connections + 64)
        return try await Stopping.run({ await unit.stop() }) {
            try await unit.start()
            var orders = 0
            try await steps.run("selling \(Output.number(settings.events)) orders") {
                while orders < settings.events {
                    let tape = unit.buyTape(count: settings.events - orders)
                    let result = try await Drive(port: unit.port, connections: settings.connections, seconds: 10)
                        .run(tape.tape)
                    let sold = result.statuses[201] ?? 0
                    guard sold > 0 else { throw CommandError("the unit sells nothing: \(result.statuses)") }
                    orders += sold
                }
            }
            try await unit.restart(environment: self.environment(shop, settings))
            return try await steps.run("catching up") {
                while shop.taken == 0 { try await Task.sleep(for: .milliseconds(1)) }
                let (start, first) = (ContinuousClock.now, shop.taken)
                let end = start + .seconds(300)
                while shop.taken < orders {
                    guard ContinuousClock.now < end else {
                        throw CommandError("the shop got \(shop.taken) of \(orders)")
                    }
                    try await Task.sleep(for: .milliseconds(1))
                }
                let took = ContinuousClock.now - start
                let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
                return (Double(orders - first) / seconds, orders)
            }
        }
    }
}
