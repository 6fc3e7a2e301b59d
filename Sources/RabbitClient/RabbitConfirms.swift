import CRabbit

/// The messages of one batch that the broker has not confirmed. Their delivery tags follow each other.
struct RabbitConfirms {
    private struct Item {
        let number: Int
        let id: String
        var isOpen = true
        /// Why no queue has it; its confirmation follows all the same.
        var reason: String?
    }
    private let before: UInt64
    private var items: [Item] = []
    private var first = 0
    private var open = 0
    /// The message that comes back at the moment: bytes of its body that are still to come.
    private var returning: (reason: String, left: UInt64?)?

    /// - Parameter tag: The delivery tag before the first one of the batch.
    init(after tag: UInt64) { self.before = tag }

    var isDone: Bool { self.open == 0 }

    mutating func add(_ number: Int, id: String) {
        self.items.append(Item(number: number, id: id))
        self.open += 1
    }

    /// - Parameter isMultiple: All messages up to the tag are meant.
    mutating func confirm(
        _ tag: UInt64, isMultiple: Bool, isTaken: Bool, _ take: (Int, RabbitVerdict) -> Void
    ) {
        guard tag > self.before || isMultiple else { return }
        let last = tag == 0 ? self.items.count : Int(clamping: tag > self.before ? tag - self.before : 0)
        guard last <= self.items.count, last > 0 else { return }
        // A broker may confirm the same messages again.
        let start = isMultiple ? self.first : last - 1
        guard start < last else { return }
        for index in start..<last where self.items[index].isOpen {
            self.items[index].isOpen = false
            self.open -= 1
            let reason = self.items[index].reason ?? (isTaken ? nil : "the broker could not store the message")
            take(self.items[index].number, reason.map { .refused(reason: $0) } ?? .confirmed)
        }
        while self.first < self.items.count, !self.items[self.first].isOpen { self.first += 1 }
    }

    // MARK: messages that come back

    mutating func beginReturn(_ reason: String) { self.returning = (reason, nil) }

    /// - Returns: `false` if no message is coming back, or it is larger than any that was sent.
    mutating func takeHeader(id: String, bodyBytes: UInt64) -> Bool {
        guard let returning, returning.left == nil, bodyBytes <= UInt64(RabbitMessage.bodyBytes) else { return false }
        if let index = self.items.lastIndex(where: { $0.isOpen && $0.id == id }) {
            self.items[index].reason = returning.reason
        }
        self.returning = bodyBytes == 0 ? nil : (returning.reason, bodyBytes)
        return true
    }

    mutating func takeBody(bytes: UInt64) -> Bool {
        guard let returning, let left = returning.left, bytes <= left else { return false }
        self.returning = left == bytes ? nil : (returning.reason, left - bytes)
        return true
    }
}

extension RabbitConnection {
    /// Takes one frame of the broker.
    ///
    /// - Returns: `false` if none has come until the deadline and there is nothing to confirm.
    /// - Throws: ``RabbitError``, also if none has come and something is to be confirmed.
    @discardableResult
    func receive(
        _ confirms: inout RabbitConfirms, until deadline: ContinuousClock.Instant, _ take: (Int, RabbitVerdict) -> Void
    ) throws(RabbitError) -> Bool {
        // Everything that the last frame pointed to was used.
        amqp_maybe_release_buffers(self.state)
        var frame = amqp_frame_t()
        var wait = Self.timeval(milliseconds: Int(Self.milliseconds(until: deadline)))
        let status = amqp_simple_wait_frame_noblock(self.state, &frame, &wait)
        if status == AMQP_STATUS_TIMEOUT.rawValue {
            if confirms.isDone { return false }
            throw self.lateError
        }
        guard status == AMQP_STATUS_OK.rawValue else { throw .closed(String(cString: amqp_error_string2(status))) }
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: try self.take(frame.payload.method, &confirms, take)
        case AMQP_FRAME_HEADER:
            let id = frame.payload.properties.decoded.map { decoded -> String in
                let properties = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
                return properties._flags & crabbit_message_id_flag == 0 ? "" : Self.shown(properties.message_id)
            }
            guard confirms.takeHeader(id: id ?? "", bodyBytes: frame.payload.properties.body_size) else {
                throw .closed("the broker sent a message that nobody asked for")
            }
        case AMQP_FRAME_BODY:
            guard confirms.takeBody(bytes: UInt64(frame.payload.body_fragment.len)) else {
                throw .closed("the broker sent a message that nobody asked for")
            }
        default: break
        }
        return true
    }

    private func take(
        _ method: amqp_method_t, _ confirms: inout RabbitConfirms, _ take: (Int, RabbitVerdict) -> Void
    ) throws(RabbitError) {
        switch (method.id, method.decoded) {
        case (crabbit_ack, let decoded?):
            let ack = decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            confirms.confirm(ack.delivery_tag, isMultiple: ack.multiple != 0, isTaken: true, take)
        case (crabbit_nack, let decoded?):
            let nack = decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            confirms.confirm(nack.delivery_tag, isMultiple: nack.multiple != 0, isTaken: false, take)
        case (crabbit_return, let decoded?):
            let back = decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            confirms.beginReturn(
                "no queue is bound to exchange \(Self.shown(back.exchange)) for \(Self.shown(back.routing_key)): "
                    + "\(back.reply_code) \(Self.shown(back.reply_text))")
        case (crabbit_channel_close, _), (crabbit_connection_close, _):
            throw Self.refusal(method, "the channel ended")
        case (crabbit_blocked, let decoded?):
            self.blockedReason = Self.shown(
                decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee.reason)
        case (crabbit_unblocked, _): self.blockedReason = nil
        default: break
        }
    }
}
