import Edge
import NIOCore
import NIOEmbedded
import NIOHTTP1

/// The ordinary HTTP/1.1 stack of a listener, up to where the router would be: the same handlers, in the same order.
struct OrdinaryStack {
    struct Request: Equatable, Sendable {
        let method: String
        let uri: String
        let keepsAlive: Bool
        let authorization: String?
        fileprivate(set) var body: [UInt8] = []
    }

    /// The requests in `bytes` that the router would get.
    struct Outcome: Equatable, Sendable {
        fileprivate(set) var requests: [Request] = []
        /// Behind the whole requests, a refusal; its name.
        fileprivate(set) var refusal: String?
        /// A head has come whose body has not.
        fileprivate(set) var isInRequest = false
        /// The connection was closed without a word.
        fileprivate(set) var isClosed = false
    }

    private let bodyLimit: Int

    init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

    /// - Parameter parts: The bytes of one connection, as they come in.
    func read(_ parts: [ArraySlice<UInt8>]) throws -> Outcome {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let limits = EdgeLimits(connections: 1, connectionsPerAddress: 1, bodyBytes: self.bodyLimit)
        let register = ConnectionRegister(limit: 1, limitPerAddress: 1)
        let edge = EdgeGuard(limits, register, counts: false, speaksPlainly: true, clock: { 0 })
        try EdgePipeline.add(edge, bodyLimit: self.bodyLimit, to: channel.pipeline.syncOperations)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var outcome = Outcome()
        for part in parts where channel.isActive {
            do { try channel.writeInbound(ByteBuffer(bytes: part)) } catch {
                // What the guard did not take for an answer of its own has closed the connection, or will.
                outcome.isClosed = true
            }
            try Self.collect(from: channel, into: &outcome)
        }
        // A refusal is the last answer, whenever the rest of the bytes comes.
        if !channel.isActive || outcome.refusal != nil { outcome.isClosed = true }
        return outcome
    }

    private static func collect(from channel: EmbeddedChannel, into outcome: inout Outcome) throws {
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head):
                if let refusal = head.headers.first(name: EdgeRefusal.field) {
                    outcome.refusal = refusal
                    continue
                }
                outcome.isInRequest = true
                outcome.requests.append(
                    Request(
                        method: head.method.rawValue, uri: head.uri, keepsAlive: head.isKeepAlive,
                        // As swift-http-types takes a field's value: without the blanks around it.
                        authorization: head.headers.first(name: "authorization").map { value in
                            var bytes = Array(value.utf8)[...]
                            while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
                            while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
                            return String(decoding: bytes, as: UTF8.self)
                        }))
            case .body(let bytes): outcome.requests[outcome.requests.count - 1].body += Array(buffer: bytes)
            case .end: if outcome.refusal == nil { outcome.isInRequest = false }
            }
        }
    }
}
