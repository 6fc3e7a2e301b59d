import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import Storage
import Threads
import TrancheAPI
import TrancheCore

/// The relays of a unit, one for each consumer of its configuration.
final class Outbox: Sendable {
    let relays: [Relay]
    private let consumers: [ConsumerConfiguration]
    private let loops = NIOLockedValueBox<[RelayLoop]>([])

    init(_ consumers: [ConsumerConfiguration]) throws {
        self.consumers = consumers
        self.relays = try consumers.map { try Relay($0.name) }
    }

    /// Takes every consumer over, for this incarnation of the unit.
    ///
    /// - Parameters:
    ///   - book: The fold of the ledger.
    ///   - saleOf: The sale of a lot; `nil` for a lot that the unit's configuration does not have.
    func claim(
        _ ledger: any LedgerStore, _ book: UnitBook, saleOf: @escaping @Sendable (LotID) -> String?,
        _ telemetry: Telemetry, _ logger: Logger
    ) throws(StorageError) {
        var loops: [RelayLoop] = []
        for (relay, consumer) in zip(self.relays, self.consumers) {
            loops.append(
                try RelayLoop(
                    relay, consumer, store: try ledger.openOutbox(),
                    sink: Self.sink(consumer, unit: ledger.unit, saleOf),
                    head: OutboxCursor(position: ledger.head.position, generation: book.generation),
                    incarnation: book.incarnation, telemetry: telemetry, logger: logger))
        }
        self.loops.withLockedValue { $0 = loops }
    }

    private static func sink(
        _ consumer: ConsumerConfiguration, unit: UnitID, _ saleOf: @escaping @Sendable (LotID) -> String?
    ) -> any OutboxSink {
        let timeout = consumer.timeoutMilliseconds
        return switch consumer.receiver {
        case .webhooks(let webhooks): WebhookSink(webhooks, timeoutMilliseconds: timeout, unit: unit)
        case .stream(let stream): StreamSink(stream, timeoutMilliseconds: timeout, unit: unit)
        case .rabbit(let rabbit): RabbitSink(rabbit, timeoutMilliseconds: timeout, unit: unit, saleOf: saleOf)
        }
    }

    /// The ledger is durable up to here, and somebody has vouched for it. A ledger that nobody vouches for may be a copy, and
    /// what happens in it is told to nobody.
    func advance(to position: UInt64) { for relay in self.relays { relay.advance(to: position) } }

    func relay(_ name: String) throws(Problem) -> Relay {
        guard let relay = self.relays.first(where: { $0.name == name }) else {
            throw Problem(
                status: 404, code: "unknown_consumer", detail: "this unit has no consumer \"\(name.prefix(40))\"")
        }
        return relay
    }

    /// Runs the relays until ``stop()``.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for loop in self.loops.withLockedValue({ $0 }) {
                group.addTask { await OwnedThread.run("relay", owning: loop.owned) { loop.run() } }
            }
        }
    }

    func stop() { for relay in self.relays { relay.stop() } }
}

/// Stops before the engine. What is not answered by then is sent again by the next process.
struct OutboxService: Service {
    let outbox: Outbox

    func run() async throws {
        await withGracefulShutdownHandler {
            await self.outbox.run()
            // Without consumers there is nothing to run, and a service that ends would stop the process.
            try? await gracefulShutdown()
        } onGracefulShutdown: {
            self.outbox.stop()
        }
    }
}
