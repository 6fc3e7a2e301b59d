import NIOConcurrencyHelpers
import RabbitClient
import Threads
import TrancheAPI
package import TrancheCore

/// Puts events into the exchanges of a RabbitMQ: one for each sale, and one for refunds, whose sale is not known.
///
/// The yes is the broker's confirmation, which comes when every queue that the event's key leads to has it on its disk. An event that
/// no queue would get is not delivered: the broker sends it back. An event may arrive twice, under the same message id. Events of
/// one order are in order. A connection with an error is left behind its batch.
package final class RabbitSink: OutboxSink {
    fileprivate struct Delivery: Sendable {
        let event: OutboxEvent
        let completion: @Sendable (RelayMachine.Answer) -> Void
    }
    private let mailbox: Mailbox<Delivery>
    private let isStopping = NIOLockedValueBox(false)

    /// - Parameter saleOf: The sale of a lot; `nil` for a lot that the unit's configuration does not have.
    package init(
        _ rabbit: RabbitSettings, timeoutMilliseconds: Int, unit: UnitID,
        saleOf: @escaping @Sendable (LotID) -> String?
    ) {
        // Bounded by the relay's deliveries under way.
        let mailbox = Mailbox<Delivery>(limit: Limits.relayConcurrency)
        self.mailbox = mailbox
        let loop = RabbitLoop(rabbit, timeoutMilliseconds: timeoutMilliseconds, unit: unit, saleOf: saleOf)
        OwnedThread.start("rabbit") { [isStopping] in
            while true {
                guard let batch = mailbox.takeAll(within: loop.beatMilliseconds) else {
                    loop.beat()
                    continue
                }
                if batch.isEmpty { return loop.close() }
                if isStopping.withLockedValue({ $0 }) {
                    for one in batch { one.completion(.no(reason: "the unit stops")) }
                } else {
                    loop.deliver(batch)
                }
            }
        }
    }

    package func deliver(_ event: OutboxEvent, _ completion: @escaping @Sendable (RelayMachine.Answer) -> Void) {
        if !self.mailbox.post(Delivery(event: event, completion: completion)) {
            completion(.no(reason: "the unit stops"))
        }
    }

    package func stop() {
        self.isStopping.withLockedValue { $0 = true }
        self.mailbox.close()
    }
}

/// The sink's connection.
private final class RabbitLoop: @unchecked Sendable {  // One thread has it.
    /// How often a thread without a connection looks around: for nothing.
    private static let idleMilliseconds = 60_000

    private let rabbit: RabbitSettings
    private let timeoutMilliseconds: Int
    private let unit: UnitID
    private let saleOf: @Sendable (LotID) -> String?
    private var connection: RabbitConnection?
    /// A lot never changes its sale.
    private var exchanges: [LotID: String] = [:]

    init(
        _ rabbit: RabbitSettings, timeoutMilliseconds: Int, unit: UnitID,
        saleOf: @escaping @Sendable (LotID) -> String?
    ) {
        (self.rabbit, self.timeoutMilliseconds, self.unit) = (rabbit, timeoutMilliseconds, unit)
        self.saleOf = saleOf
    }

    var beatMilliseconds: Int { self.connection?.beatMilliseconds ?? Self.idleMilliseconds }

    /// The broker closes a connection that gives no sign of life.
    func beat() {
        do throws(RabbitError) { try self.connection?.beat() } catch { self.connection = nil }
    }

    func close() {
        self.connection?.close()
        self.connection = nil
    }

    func deliver(_ batch: [RabbitSink.Delivery]) {
        // An exchange that refuses is no fault of the events for the others.
        var groups: [(exchange: String, batch: [RabbitSink.Delivery])] = []
        for one in batch {
            guard let exchange = self.exchange(of: one.event) else {
                let lot = one.event.facts?.lot.description ?? ""
                one.completion(.no(reason: "lot \(lot) is in no sale of this unit's configuration"))
                continue
            }
            if let index = groups.firstIndex(where: { $0.exchange == exchange }) {
                groups[index].batch.append(one)
            } else {
                groups.append((exchange, [one]))
            }
        }
        for group in groups { self.deliver(group.batch, to: group.exchange) }
    }

    private func deliver(_ batch: [RabbitSink.Delivery], to exchange: String) {
        var rest = batch
        // A connection that was idle may have ended meanwhile, which is no event's fault: it gets a second one.
        let attempts = self.connection == nil ? 1 : 2
        for attempt in 1...attempts {
            do throws(RabbitError) { return try self.send(&rest, to: exchange) } catch {
                self.connection = nil
                guard attempt == attempts else { continue }
                for one in rest { one.completion(.no(reason: "\(error)")) }
            }
        }
    }

    /// - Parameter rest: What has no answer yet.
    private func send(_ rest: inout [RabbitSink.Delivery], to exchange: String) throws(RabbitError) {
        let connection = try self.connected()
        try connection.declare(exchange: exchange)
        let batch = rest
        var isOpen = Array(repeating: true, count: batch.count)
        defer { rest = zip(batch, isOpen).compactMap { $1 ? $0 : nil } }
        try connection.publish(batch.map { self.message($0.event) }, to: exchange) { number, verdict in
            isOpen[number] = false
            switch verdict {
            case .confirmed: batch[number].completion(.yes)
            case .refused(let reason): batch[number].completion(.no(reason: reason))
            }
        }
    }

    private func connected() throws(RabbitError) -> RabbitConnection {
        if let connection { return connection }
        guard let login = self.rabbit.login else { throw .closed("the password is missing") }
        let connection = try RabbitConnection(
            self.rabbit.address, login: login, authorities: self.rabbit.authorities,
            timeoutMilliseconds: self.timeoutMilliseconds)
        self.connection = connection
        return connection
    }

    private func exchange(of event: OutboxEvent) -> String? {
        guard let lot = event.facts?.lot else { return self.rabbit.refunds }
        if let known = self.exchanges[lot] { return known }
        let exchange = self.saleOf(lot).map { self.rabbit.exchange(ofSale: $0) }
        self.exchanges[lot] = exchange
        return exchange
    }

    private func message(_ event: OutboxEvent) -> RabbitMessage {
        RabbitMessage(
            routingKey: "order.\(event.kind.name).\(event.facts?.lot.description ?? "none")",
            id: event.id(of: self.unit), type: WebhookBody.type(of: event.kind), contentType: WebhookBody.type,
            correlationID: event.order.description, body: WebhookBody.json(event, unit: self.unit))
    }
}
