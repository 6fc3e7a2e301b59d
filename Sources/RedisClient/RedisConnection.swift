import CHiredis
import Foundation

/// Why Redis did not answer as it should. After ``closed(_:)`` it is unknown whether the command was carried out.
package enum RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection, a time-out, or a connection that broke: make a new ``RedisConnection``.
    case closed(String)
    /// Redis answered with an error; the connection is still good.
    case refused(String)

    package var description: String {
        switch self {
        case .closed(let reason): "no answer from Redis: \(reason)"
        case .refused(let reason): "Redis refused: \(reason)"
        }
    }
}

/// What Redis answered.
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
/// Made, used and closed by one thread: a `redisContext` is not thread-safe. Blocking is the point: the thread that
/// owns it has nothing else to do, and while one call is under way the next batch gathers.
package final class RedisConnection {
    /// Where Redis is: `/path/to.sock` or `host:port`.
    package struct Address: Hashable, Sendable, CustomStringConvertible {
        let host: String
        let port: Int32?

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
        package var description: String { self.port.map { "\(self.host):\($0)" } ?? self.host }
    }

    /// hiredis writes with `write`, and a write to a Redis that has gone would end the whole process.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    // Freed once, in `deinit`; no reply outlives the call that read it.
    private let context: UnsafeMutablePointer<redisContext>

    /// - Parameter timeoutMilliseconds: For connecting, and for each answer.
    /// - Throws: ``RedisError/closed(_:)`` if nobody listens there.
    package init(_ address: Address, timeoutMilliseconds: Int) throws(RedisError) {
        Self.brokenPipesAreErrors
        let timeout = timeval(tv_sec: timeoutMilliseconds / 1_000, tv_usec: timeoutMilliseconds % 1_000 * 1_000)
        let made =
            address.port.map { redisConnectWithTimeout(address.host, $0, timeout) }
            ?? redisConnectUnixWithTimeout(address.host, timeout)
        guard let context = made else { throw .closed("out of memory") }
        self.context = context
        guard context.pointee.err == 0 else { throw .closed("\(address): \(self.reason)") }
        guard redisSetTimeout(context, timeout) == REDIS_OK else { throw .closed("\(address): \(self.reason)") }
    }

    deinit { redisFree(self.context) }

    private var reason: String {
        withUnsafeBytes(of: self.context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Puts a command in the output buffer. Follow it with one ``reply()``.
    package func append(_ arguments: RedisArguments) throws(RedisError) {
        let status = arguments.withPointers { pointers, lengths in
            redisAppendCommandArgv(self.context, Int32(lengths.count), pointers, lengths.baseAddress)
        }
        guard status == REDIS_OK else { throw .closed(self.reason) }
    }

    /// Sends what was appended, and waits for the next answer.
    package func reply() throws(RedisError) -> RedisReply {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(self.context, &raw) == REDIS_OK, let raw else { throw .closed(self.reason) }
        defer { freeReplyObject(raw) }
        let reply = raw.assumingMemoryBound(to: redisReply.self)
        if reply.pointee.type == REDIS_REPLY_ERROR { throw .refused(Self.text(reply)) }
        return Self.value(reply)
    }

    /// Sends one command and waits for its answer.
    package func send(_ arguments: String...) throws(RedisError) -> RedisReply {
        var command = RedisArguments()
        for argument in arguments { command.append(argument) }
        try self.append(command)
        return try self.reply()
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

/// The arguments of one command, in one buffer that can be used again.
package struct RedisArguments {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    package init() {}

    package var count: Int { self.ends.count }

    package mutating func removeAll() {
        self.bytes.removeAll(keepingCapacity: true)
        self.ends.removeAll(keepingCapacity: true)
    }

    package mutating func append(_ text: String) { self.append(text.utf8) }

    package mutating func append(_ number: Int) { self.append(String(number).utf8) }

    package mutating func append(_ argument: some Sequence<UInt8>) {
        self.bytes.append(contentsOf: argument)
        self.ends.append(self.bytes.count)
    }

    func withPointers<Value>(
        _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>, UnsafeBufferPointer<Int>) -> Value
    ) -> Value {
        self.bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                // hiredis copies the bytes before it returns. An empty buffer has no address, and needs none.
                var pointers: [UnsafePointer<CChar>?] = []
                var lengths: [Int] = []
                var start = 0
                pointers.reserveCapacity(self.ends.count)
                lengths.reserveCapacity(self.ends.count)
                for end in self.ends {
                    pointers.append(characters.baseAddress.map { $0 + start })
                    lengths.append(end - start)
                    start = end
                }
                return pointers.withUnsafeMutableBufferPointer { pointers in
                    lengths.withUnsafeBufferPointer { lengths in body(pointers.baseAddress!, lengths) }
                }
            }
        }
    }
}
