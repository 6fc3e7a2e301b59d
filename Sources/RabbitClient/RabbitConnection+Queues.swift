import CRabbit

// The receiver's side, as far as tests and trials need it.

extension RabbitConnection {
    /// Makes a durable queue, and binds it to a topic exchange, which is made, too.
    ///
    /// - Parameter keys: The pattern of routing keys: `*` stands for one word, and `#` for any number of them.
    package func bind(queue: String, to exchange: String, keys: String = "#") throws(RabbitError) {
        try self.declare(exchange: exchange)
        let made = Self.withBytes(queue) {
            amqp_queue_declare(self.state, Self.channel, $0, 0, 1, 0, 0, amqp_empty_table)
        }
        guard made != nil else { throw self.lastError("queue \(queue)") }
        let bound = Self.withBytes(queue) { name in
            Self.withBytes(exchange) { source in
                Self.withBytes(keys) {
                    amqp_queue_bind(self.state, Self.channel, name, source, $0, amqp_empty_table)
                }
            }
        }
        guard bound != nil else { throw self.lastError("queue \(queue)") }
        amqp_maybe_release_buffers(self.state)
    }

    /// Takes the oldest message out of a queue.
    ///
    /// - Returns: `nil` if the queue is empty.
    package func take(from queue: String) throws(RabbitError) -> RabbitMessage? {
        amqp_maybe_release_buffers(self.state)
        let reply = Self.withBytes(queue) { amqp_basic_get(self.state, Self.channel, $0, 1) }
        try self.check(reply, "queue \(queue)")
        guard reply.reply.id == crabbit_get_ok, let decoded = reply.reply.decoded else { return nil }
        let key = Self.shown(decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee.routing_key)
        var message = amqp_message_t()
        try self.check(amqp_read_message(self.state, Self.channel, &message, 0), "queue \(queue)")
        defer { amqp_destroy_message(&message) }
        let properties = message.properties
        return RabbitMessage(
            routingKey: key, id: Self.shown(properties.message_id), type: Self.shown(properties.type),
            contentType: Self.shown(properties.content_type), correlationID: Self.shown(properties.correlation_id),
            body: Array(UnsafeRawBufferPointer(start: message.body.bytes, count: message.body.len)))
    }
}
