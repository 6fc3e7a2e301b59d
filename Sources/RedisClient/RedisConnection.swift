import CHiredis
import Foundation
package import TrancheCore

/// Why a command of Redis failed. After ``closed(_:)`` it is unknown whether Redis carried out the command.
package enum RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection, a timeout, or a broken connection: make a new ``RedisConnection``.
    case closed(String)
    /// Redis answered with an error; the connection can still be used.
    case refused(String)

    package var description: String {
        switch self {
        case .closed(let reason): "no answer from Redis: \(reason)"
        case .refused(let reason): "Redis refused: \(reason)"
        }
    }
}

/// An answer of Redis.
package enum RedisReply: Hashable, Sendable {
    case null
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisReply])

    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    package var text: String? { self.bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var array: [RedisReply]? { if case .array(let value) = self { value } else { nil } }
}

/// One blocking connection to one Redis, over libhiredis.
///
/// One thread makes, uses and closes it, because a `redisContext` is not thread-safe. ``ask(_:)`` waits for its reply.
/// ``send(_:)`` does not, and ``takeReplies()`` returns the replies that have arrived: for a thread with other work.
package final class RedisConnection {
    /// The address of Redis: `/path/to.sock` or `host:port`.
    package struct Address: Hashable, Sendable, CustomStringConvertible {
        package let host: String
        /// `nil`: a socket in the file system.
        package let port: Int32?

        /// - Returns: `nil` unless `text` is an absolute path or `host:port`.
        package init?(_ text: String) {
            if text.hasPrefix("/") {
                (self.host, self.port) = (text, nil)
                return
            }
            let parts = text.split(separator: ":")
            guard parts.count == 2, let port = Int32(parts[1]), (1...65_535).contains(port) else { return nil }
            (self.host, self.port) = (String(parts[0]), port)
        }
        package init(_ endpoint: RedisEndpoint) { (self.host, self.port) = (endpoint.host, Int32(endpoint.port)) }
        package var description: String { self.port.map { "\(self.host):\($0)" } ?? self.host }
    }

    /// The user and password for Redis (`AUTH`, ACL).
    package struct Login: Hashable, Sendable {
        /// Empty: Redis' default user.
        package let user: String
        package let password: String
        package init(user: String, password: String) { (self.user, self.password) = (user, password) }
    }

    /// hiredis writes with `write`: without this, SIGPIPE ends the process when Redis has closed the connection.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    // Freed once, in `deinit`; no reply is used after the call that read it.
    private let context: UnsafeMutablePointer<redisContext>

    /// The `run_id` of the Redis process; it changes with each start of Redis.
    package private(set) var runID = ""

    /// - Parameter timeoutMilliseconds: The limit for connecting, and for each answer.
    /// - Throws: ``RedisError/closed(_:)`` if there is no connection, ``RedisError/refused(_:)`` if the login is wrong.
    package init(_ address: Address, login: Login? = nil, timeoutMilliseconds: Int) throws(RedisError) {
        Self.brokenPipesAreErrors
        let timeout = timeval(tv_sec: timeoutMilliseconds / 1_000, tv_usec: timeoutMilliseconds % 1_000 * 1_000)
        let made =
            address.port.map { redisConnectWithTimeout(address.host, $0, timeout) }
            ?? redisConnectUnixWithTimeout(address.host, timeout)
        guard let context = made else { throw .closed("out of memory") }
        self.context = context
        guard context.pointee.err == 0 else { throw .closed("\(address): \(self.reason)") }
        guard redisSetTimeout(context, timeout) == REDIS_OK else { throw .closed("\(address): \(self.reason)") }
        if let login { try self.logIn(login) }
        let lines = try self.ask("INFO", "server").text ?? ""
        guard let line = lines.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("run_id:") }) else {
            throw .refused("the answer to INFO server contains no run_id")
        }
        self.runID = String(line.dropFirst("run_id:".count))
    }

    private func logIn(_ login: Login) throws(RedisError) {
        do throws(RedisError) {
            if login.user.isEmpty {
                _ = try self.ask("AUTH", login.password)
            } else {
                _ = try self.ask("AUTH", login.user, login.password)
            }
        } catch {
            guard case .refused(let text) = error else { throw error }
            // A Redis without this command repeats its arguments behind a comma, and errors are shown.
            throw .refused(String(text.prefix { $0 != "," }))
        }
    }

    deinit { redisFree(self.context) }

    private var reason: String {
        withUnsafeBytes(of: self.context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The descriptor for a poller: it is readable when ``takeReplies()`` has answers.
    package var descriptor: Int32 { self.context.pointee.fd }

    /// Sends a command, without waiting for its answer.
    package func send(_ command: RedisArguments) throws(RedisError) {
        for bytes in [Array("*\(command.count)\r\n".utf8), command.bytes] {
            let status = bytes.withUnsafeBytes {
                redisAppendFormattedCommand(self.context, $0.assumingMemoryBound(to: CChar.self).baseAddress, $0.count)
            }
            guard status == REDIS_OK else { throw .closed(self.reason) }
        }
        var isDone: Int32 = 0
        while isDone == 0 {
            guard redisBufferWrite(self.context, &isDone) == REDIS_OK else { throw .closed(self.reason) }
        }
    }

    /// The answers that have arrived, in the order of their commands; of a command that Redis refused, the refusal.
    ///
    /// Blocks if there is nothing to read: use a poller first.
    package func takeReplies() throws(RedisError) -> [Result<RedisReply, RedisError>] {
        guard redisBufferRead(self.context) == REDIS_OK else { throw .closed(self.reason) }
        var replies: [Result<RedisReply, RedisError>] = []
        while true {
            var raw: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(self.context, &raw) == REDIS_OK else { throw .closed(self.reason) }
            guard let raw else { return replies }
            let reply = raw.assumingMemoryBound(to: redisReply.self)
            let isRefusal = reply.pointee.type == REDIS_REPLY_ERROR
            replies.append(isRefusal ? .failure(.refused(Self.text(reply))) : .success(Self.value(reply)))
            freeReplyObject(raw)
        }
    }

    /// Sends a command, and waits for its answer. No other command is under way.
    package func ask(_ command: RedisArguments) throws(RedisError) -> RedisReply {
        try self.send(command)
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(self.context, &raw) == REDIS_OK, let raw else { throw .closed(self.reason) }
        defer { freeReplyObject(raw) }
        let reply = raw.assumingMemoryBound(to: redisReply.self)
        if reply.pointee.type == REDIS_REPLY_ERROR { throw .refused(Self.text(reply)) }
        return Self.value(reply)
    }

    /// The same, for a command that is not sent often.
    package func ask(_ arguments: String...) throws(RedisError) -> RedisReply {
        var command = RedisArguments()
        for argument in arguments { command.add(argument) }
        return try self.ask(command)
    }

    private static func text(_ reply: UnsafeMutablePointer<redisReply>) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len), as: UTF8.self)
    }

    private static func value(_ reply: UnsafeMutablePointer<redisReply>) -> RedisReply {
        switch reply.pointee.type {
        case REDIS_REPLY_INTEGER: return .integer(reply.pointee.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS, REDIS_REPLY_ERROR:
            return .bytes(Array(UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len)))
        case REDIS_REPLY_ARRAY:
            return .array((0..<reply.pointee.elements).map { self.value(reply.pointee.element[$0]!) })
        default: return .null
        }
    }
}

/// One command in the wire format RESP2, in memory that is reused.
package struct RedisArguments {
    fileprivate private(set) var bytes: [UInt8] = []
    package private(set) var count = 0

    package init() {}

    package mutating func removeAll() {
        self.bytes.removeAll(keepingCapacity: true)
        self.count = 0
    }

    package mutating func add(_ text: String) {
        self.begin(text.utf8.count)
        self.bytes.append(contentsOf: text.utf8)
        self.end()
    }

    package mutating func add(_ number: Int) { self.add(String(number)) }

    package mutating func add(_ argument: [UInt8]) {
        self.begin(argument.count)
        self.bytes.append(contentsOf: argument)
        self.end()
    }

    private mutating func begin(_ length: Int) {
        self.count += 1
        self.bytes.append(UInt8(ascii: "$"))
        self.bytes.append(contentsOf: String(length).utf8)
        self.end()
    }

    private mutating func end() {
        self.bytes.append(13)
        self.bytes.append(10)
    }
}
