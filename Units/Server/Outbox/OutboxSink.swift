package import TrancheCore

/// Where the events of one consumer go: webhooks, a stream in a Redis, or exchanges of a RabbitMQ. Another kind of receiver is another sink.
package protocol OutboxSink: Sendable {
    /// Sends an event, and brings the receiver's answer, once and on any thread. An answer that does not come in time is a no.
    func deliver(_ event: OutboxEvent, _ completion: @escaping @Sendable (RelayMachine.Answer) -> Void)

    /// Deliveries that are under way get a no.
    func stop()
}
