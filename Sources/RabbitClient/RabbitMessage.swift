/// One message for an exchange. It is persistent.
package struct RabbitMessage: Sendable {
    /// The longest routing key, exchange, id, type and correlation id: AMQP has one byte for each length.
    package static let textBytes = 255
    /// The longest body.
    package static let bodyBytes = 64 << 10

    package var routingKey: String
    /// The same for every sending of the message: the receiver's key against duplicates.
    package var id: String
    package var type: String
    package var contentType: String
    package var correlationID: String
    package var body: [UInt8]

    package init(
        routingKey: String, id: String, type: String, contentType: String, correlationID: String, body: [UInt8]
    ) {
        (self.routingKey, self.id, self.type) = (routingKey, id, type)
        (self.contentType, self.correlationID, self.body) = (contentType, correlationID, body)
    }

    /// Why the message cannot be sent; `nil` if it can.
    var fault: String? {
        for (name, text) in [
            ("routing key", self.routingKey), ("id", self.id), ("type", self.type), ("content type", self.contentType),
            ("correlation id", self.correlationID),
        ] where text.utf8.count > Self.textBytes {
            return "its \(name) has \(text.utf8.count) bytes, at most \(Self.textBytes)"
        }
        guard self.body.count > Self.bodyBytes else { return nil }
        return "its body has \(self.body.count) bytes, at most \(Self.bodyBytes)"
    }
}

/// What the broker said of a message.
package enum RabbitVerdict: Hashable, Sendable {
    /// The broker has written it to the disk of every queue that its key leads to.
    case confirmed
    /// No queue has it.
    case refused(reason: String)
}

/// Why a call of RabbitMQ failed. The connection is of no more use.
package enum RabbitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection, no answer in time, or a broken connection. It is unknown which messages the broker has.
    case closed(String)
    /// The broker ended the connection or its channel, and says why.
    case refused(String)

    package var description: String {
        switch self {
        case .closed(let reason): "no answer from RabbitMQ: \(reason)"
        case .refused(let reason): "RabbitMQ refused: \(reason)"
        }
    }
}
