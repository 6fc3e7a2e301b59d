import NIOConcurrencyHelpers
import RedisClient
import Threads
import TrancheAPI
package import TrancheCore

/// Puts events into a stream of a Redis.
///
/// Each entry has the fields `id`, `type`, `order` and `event`, which is the body of a webhook. An event may be in the stream twice,
/// under the same `id`: its first entry may have been made although no answer came. Events of one order are in order.
/// A connection with a refusal is left behind its batch.
package final class StreamSink: OutboxSink {
    fileprivate struct Delivery: Sendable {
        let event: OutboxEvent
        let completion: @Sendable (RelayMachine.Answer) -> Void
    }
    private let mailbox: Mailbox<Delivery>
    private let isStopping = NIOLockedValueBox(false)

    package init(_ stream: StreamSettings, timeoutMilliseconds: Int, unit: UnitID) {
        // Bounded by the relay's deliveries under way.
        let mailbox = Mailbox<Delivery>(limit: Limits.relayConcurrency)
        self.mailbox = mailbox
        let loop = StreamLoop(stream, timeoutMilliseconds: timeoutMilliseconds, unit: unit)
        OwnedThread.start("stream") { [isStopping] in
            while true {
                let batch = mailbox.takeAll()
                if batch.isEmpty { return }
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
private final class StreamLoop: @unchecked Sendable {  // One thread has it.
    /// Of a refusal of Redis, this much is shown.
    private static let reasonBytes = 120

    private let stream: StreamSettings
    private let timeoutMilliseconds: Int
    private let unit: UnitID
    private var connection: RedisConnection?
    private var command = RedisArguments()

    init(_ stream: StreamSettings, timeoutMilliseconds: Int, unit: UnitID) {
        (self.stream, self.timeoutMilliseconds, self.unit) = (stream, timeoutMilliseconds, unit)
    }

    /// Sends all of them, then waits for all answers.
    func deliver(_ batch: [StreamSink.Delivery]) {
        var rest = batch[...]
        // A connection that was idle may have ended meanwhile, which is no event's fault: it gets a second one.
        let attempts = self.connection == nil ? 1 : 2
        for attempt in 1...attempts {
            do throws(RedisError) { return try self.send(&rest) } catch {
                self.connection = nil
                guard attempt == attempts else { continue }
                for one in rest { one.completion(.no(reason: "\(error)")) }
            }
        }
    }

    /// - Parameter rest: What has no answer yet.
    private func send(_ rest: inout ArraySlice<StreamSink.Delivery>) throws(RedisError) {
        let connection = try self.connected()
        for one in rest {
            self.write(one.event)
            try connection.send(self.command)
        }
        var isRefused = false
        while !rest.isEmpty {
            for reply in try connection.takeReplies() {
                guard let one = rest.popFirst() else { break }
                switch reply {
                case .success: one.completion(.yes)
                case .failure(let error):
                    isRefused = true
                    one.completion(.no(reason: Self.reason(error)))
                }
            }
        }
        // It may be a replica by now, or a user without the right, and would refuse for ever: the address and the login may lead
        // to a better one.
        if isRefused { self.connection = nil }
    }

    /// The Redis' own words, as far as they can be shown. They have at most the first arguments of the entry in them.
    private static func reason(_ error: RedisError) -> String {
        let text = if case .refused(let detail) = error { detail } else { "\(error)" }
        let shown = text.utf8.prefix(Self.reasonBytes).map { (32...126).contains($0) ? $0 : UInt8(ascii: "?") }
        return "the Redis refused the entry: " + String(decoding: shown, as: UTF8.self)
    }

    private func connected() throws(RedisError) -> RedisConnection {
        if let connection { return connection }
        let connection = try RedisConnection(
            self.stream.address, login: self.stream.login, timeoutMilliseconds: self.timeoutMilliseconds)
        self.connection = connection
        return connection
    }

    private func write(_ event: OutboxEvent) {
        self.command.removeAll()
        for text in ["XADD", self.stream.key, "MAXLEN", "~"] { self.command.add(text) }
        self.command.add(self.stream.length)
        for text in [
            "*", "id", event.id(of: self.unit), "type", WebhookBody.type(of: event.kind), "order",
            event.order.description, "event",
        ] { self.command.add(text) }
        self.command.add(WebhookBody.json(event, unit: self.unit))
    }
}
