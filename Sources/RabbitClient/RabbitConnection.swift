import CRabbit
import Foundation

/// One blocking connection to one RabbitMQ, over librabbitmq, with one channel that confirms what it got.
///
/// One thread makes, uses and closes it, because a connection of librabbitmq is not thread-safe. After an error it is of no
/// more use: make a new one.
package final class RabbitConnection {
    package struct Login: Hashable, Sendable {
        package let user: String
        package let password: String
        package init(user: String, password: String) { (self.user, self.password) = (user, password) }
    }

    /// The largest frame: the broker may ask for smaller ones.
    private static let frameBytes: Int32 = 128 << 10
    /// Of a text of the broker, this much is shown.
    private static let reasonBytes = 160
    static let channel: amqp_channel_t = 1
    /// More than two longest messages, so that a socket that takes anything takes a whole message: see ``send(_:deadline:)``.
    private static let socketBytes: Int32 = 256 << 10

    /// librabbitmq writes with `write` through OpenSSL: without this, SIGPIPE ends the process.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    // Freed once, in `deinit`; nothing that it owns is used after the call that read it.
    let state: amqp_connection_state_t
    let timeoutMilliseconds: Int
    /// Why the broker does not read what is sent, in its own words; `nil` while it does.
    var blockedReason: String?
    private var lastTag: UInt64 = 0
    private var declared: Set<String> = []

    /// How often ``beat()`` has to be called while nothing is sent.
    package let beatMilliseconds: Int

    /// - Parameters:
    ///   - authorities: The PEM file with the authorities that may have signed the broker's certificate. It is used with `amqps`.
    ///   - timeoutMilliseconds: The limit for connecting, for the login, and for each answer.
    /// - Throws: ``RabbitError``
    package init(
        _ address: RabbitAddress, login: Login, authorities: String, timeoutMilliseconds: Int
    ) throws(RabbitError) {
        Self.brokenPipesAreErrors
        guard let state = amqp_new_connection() else { throw .closed("out of memory") }
        self.state = state
        self.timeoutMilliseconds = timeoutMilliseconds
        let heartbeatSeconds = min(max(2, timeoutMilliseconds / 2_000), 30)
        self.beatMilliseconds = heartbeatSeconds * 1_000 / 4
        var timeout = Self.timeval(milliseconds: timeoutMilliseconds)
        guard amqp_set_handshake_timeout(state, &timeout) == 0, amqp_set_rpc_timeout(state, &timeout) == 0 else {
            throw .closed("out of memory")
        }
        try self.open(address, authorities: authorities)
        let reply = crabbit_login(
            state, address.virtualHost, Self.frameBytes, Int32(heartbeatSeconds), login.user, login.password)
        try self.check(reply, "the login")
        guard amqp_channel_open(state, Self.channel) != nil else { throw self.lastError("the channel") }
        guard amqp_confirm_select(state, Self.channel) != nil else { throw self.lastError("confirms") }
    }

    deinit { amqp_destroy_connection(self.state) }

    private func open(_ address: RabbitAddress, authorities: String) throws(RabbitError) {
        let made = address.isEncrypted ? amqp_ssl_socket_new(self.state) : amqp_tcp_socket_new(self.state)
        guard let socket = made else { throw .closed("out of memory") }
        if address.isEncrypted {
            guard amqp_ssl_socket_set_cacert(socket, authorities) == 0 else {
                throw .closed("the file of authorities \(authorities) cannot be used")
            }
            amqp_ssl_socket_set_verify_peer(socket, 1)
            amqp_ssl_socket_set_verify_hostname(socket, 1)
            guard amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == 0 else {
                throw .closed("TLS 1.2 cannot be had")
            }
        }
        var timeout = Self.timeval(milliseconds: self.timeoutMilliseconds)
        let status = amqp_socket_open_noblock(socket, address.host, address.port, &timeout)
        guard status == 0 else { throw .closed("\(address): \(Self.text(of: status))") }
        var bytes = Self.socketBytes
        _ = setsockopt(
            amqp_get_sockfd(self.state), SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout.size(ofValue: bytes)))
    }

    /// Makes a durable exchange, once for each connection.
    ///
    /// - Throws: ``RabbitError/refused(_:)`` if there is one of this name with other properties, or the user may not.
    package func declare(exchange: String, type: String = "topic") throws(RabbitError) {
        guard !self.declared.contains(exchange) else { return }
        let made = Self.withBytes(exchange) { name in
            Self.withBytes(type) {
                amqp_exchange_declare(self.state, Self.channel, name, $0, 0, 1, 0, 0, amqp_empty_table)
            }
        }
        guard made != nil else { throw self.lastError("exchange \(exchange)") }
        amqp_maybe_release_buffers(self.state)
        self.declared.insert(exchange)
    }

    /// Sends all of them, and then waits for the broker's verdict on each.
    ///
    /// - Parameter take: Gets the number of each message in `messages` with its verdict, once, as verdicts come.
    /// - Throws: ``RabbitError``: messages without a verdict may have been taken or not. To send them again is safe for a receiver
    ///   that keeps the ids.
    package func publish(
        _ messages: [RabbitMessage], to exchange: String, _ take: (Int, RabbitVerdict) -> Void
    ) throws(RabbitError) {
        let deadline = ContinuousClock.now + .milliseconds(self.timeoutMilliseconds)
        var confirms = RabbitConfirms(after: self.lastTag)
        for (number, message) in messages.enumerated() {
            if let fault = message.fault {
                take(number, .refused(reason: fault))
                continue
            }
            try self.send(message, to: exchange, deadline)
            self.lastTag += 1
            confirms.add(number, id: message.id)
        }
        while !confirms.isDone { try self.receive(&confirms, until: deadline, take) }
    }

    /// Sends one message. A socket that is writable has room for half of what it has queued already, so the whole
    /// message fits: the call of librabbitmq, which has no time limit, does not wait.
    private func send(
        _ message: RabbitMessage, to exchange: String, _ deadline: ContinuousClock.Instant
    ) throws(RabbitError) {
        var descriptor = pollfd(fd: amqp_get_sockfd(self.state), events: Int16(POLLOUT), revents: 0)
        guard poll(&descriptor, 1, Self.milliseconds(until: deadline)) == 1 else { throw self.lateError }
        let status = message.withProperties { properties in
            Self.withBytes(exchange) { name in
                Self.withBytes(message.routingKey) { key in
                    message.body.withUnsafeBytes { body in
                        amqp_basic_publish(
                            self.state, Self.channel, name, key, 1, 0, properties,
                            amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
                    }
                }
            }
        }
        // The broker may have said why, before it closed the connection.
        guard status == 0 else { throw self.pendingReason ?? .closed(Self.text(of: status)) }
    }

    /// Answers the broker's heartbeats, and sends one if it is time.
    ///
    /// - Throws: ``RabbitError`` if the connection has ended.
    package func beat() throws(RabbitError) {
        var none = RabbitConfirms(after: self.lastTag)
        while try self.receive(&none, until: ContinuousClock.now, { _, _ in }) {}
    }

    /// Ends the connection in good order, in half a second at most.
    package func close() {
        var timeout = Self.timeval(milliseconds: 500)
        amqp_set_rpc_timeout(self.state, &timeout)
        _ = amqp_connection_close(self.state, AMQP_REPLY_SUCCESS)
    }

    // MARK: errors

    var lateError: RabbitError {
        if let blockedReason { return .closed("the broker takes no messages now: \(blockedReason)") }
        return .closed("not in \(self.timeoutMilliseconds) ms")
    }

    /// Why the broker closed the connection, if its reason has arrived.
    private var pendingReason: RabbitError? {
        var none = RabbitConfirms(after: self.lastTag)
        do throws(RabbitError) {
            while try self.receive(&none, until: ContinuousClock.now, { _, _ in }) {}
            return nil
        } catch {
            if case .refused = error { return error }
            return nil
        }
    }

    func lastError(_ what: String) -> RabbitError {
        do throws(RabbitError) { try self.check(amqp_get_rpc_reply(self.state), what) } catch { return error }
        return .closed("\(what): no reason")
    }

    func check(_ reply: amqp_rpc_reply_t, _ what: String) throws(RabbitError) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw Self.refusal(reply.reply, what)
        default: throw .closed("\(what): \(Self.text(of: reply.library_error))")
        }
    }

    static func refusal(_ method: amqp_method_t, _ what: String) -> RabbitError {
        guard let decoded = method.decoded else { return .refused(what) }
        switch method.id {
        case crabbit_channel_close:
            let close = decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return .refused("\(what): \(close.reply_code) \(self.shown(close.reply_text))")
        case crabbit_connection_close:
            let close = decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return .refused("\(what): \(close.reply_code) \(self.shown(close.reply_text))")
        default: return .refused("\(what): method \(method.id)")
        }
    }

    /// A text of the broker, as far as it can be shown.
    static func shown(_ bytes: amqp_bytes_t) -> String {
        let text = UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.len)
        let printable = text.prefix(self.reasonBytes).map { (32...126).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: printable, as: UTF8.self)
    }

    private static func text(of status: Int32) -> String { String(cString: amqp_error_string2(status)) }

    // MARK: values of C

    static func timeval(milliseconds: Int) -> timeval {
        Foundation.timeval(tv_sec: milliseconds / 1_000, tv_usec: milliseconds % 1_000 * 1_000)
    }

    static func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
        let (seconds, attoseconds) = (deadline - .now).components
        return Int32(clamping: max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000))
    }

    static func withBytes<Value>(_ text: String, _ body: (amqp_bytes_t) -> Value) -> Value {
        var text = text
        return text.withUTF8 {
            body(amqp_bytes_t(len: $0.count, bytes: UnsafeMutableRawPointer(mutating: $0.baseAddress)))
        }
    }
}

extension RabbitMessage {
    /// The properties of AMQP. They are of no use after the call.
    func withProperties<Value>(_ body: (UnsafePointer<amqp_basic_properties_t>) -> Value) -> Value {
        RabbitConnection.withBytes(self.id) { id in
            RabbitConnection.withBytes(self.type) { type in
                RabbitConnection.withBytes(self.contentType) { contentType in
                    RabbitConnection.withBytes(self.correlationID) { correlation in
                        var properties = amqp_basic_properties_t()
                        properties._flags = crabbit_message_properties
                        properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
                        properties.message_id = id
                        properties.type = type
                        properties.content_type = contentType
                        properties.correlation_id = correlation
                        return withUnsafePointer(to: properties, body)
                    }
                }
            }
        }
    }
}
