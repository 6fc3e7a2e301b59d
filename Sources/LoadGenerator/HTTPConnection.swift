import NIOCore
import NIOPosix

/// The parts of an HTTP/1.1 answer that a load generator needs.
package struct LoadResponse: Sendable {
    package let status: Int
    package let body: String
    package let retryAfterSeconds: Int?

    /// The code of a problem document, or the status of another refusal; `nil` if the request was not refused.
    ///
    /// It reads no JSON: a script is refused hundreds of times.
    package var refusal: String? {
        guard self.status >= 400 else { return nil }
        let bytes = self.body.utf8
        guard let name = bytes.firstRange(of: Self.codeName) else { return "\(self.status)" }
        let code = bytes[name.upperBound...].prefix { $0 != UInt8(ascii: "\"") }
        return code.isEmpty ? "\(self.status)" : String(decoding: code, as: UTF8.self)
    }
    private static let codeName = Array("\"code\":\"".utf8)

    package init(status: Int, body: String, retryAfterSeconds: Int? = nil) {
        (self.status, self.body, self.retryAfterSeconds) = (status, body, retryAfterSeconds)
    }
}

package enum LoadError: Error, Sendable {
    case closed
    case malformed
    case timedOut
}

/// One keep-alive connection, one request at a time. Bound to its event loop.
final class HTTPConnection: ChannelInboundHandler, @unchecked Sendable {  // Used on its channel's event loop only.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var buffer = ByteBuffer()
    private var promise: EventLoopPromise<LoadResponse>?
    private(set) var isOpen = true
    let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    func send(_ request: ByteBuffer, _ promise: EventLoopPromise<LoadResponse>) {
        guard self.isOpen, self.promise == nil else { return promise.fail(LoadError.closed) }
        self.promise = promise
        self.channel.writeAndFlush(request, promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.buffer.writeBuffer(&bytes)
        guard let response = Self.parse(&self.buffer) else { return }
        let promise = self.promise
        self.promise = nil
        promise?.succeed(response)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOpen = false
        self.promise?.fail(LoadError.closed)
        self.promise = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Removes one complete response from the start of `buffer`; `nil` if there is none.
    static func parse(_ buffer: inout ByteBuffer) -> LoadResponse? {
        let view = buffer.readableBytesView
        guard let end = self.headEnd(view) else { return nil }
        let head = String(decoding: view[view.startIndex..<end], as: UTF8.self)
        var (length, retryAfter) = (0, Int?.none)
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = Int(parts[1].drop { $0 == " " })
            switch parts[0].lowercased() {
            case "content-length": length = value ?? 0
            case "retry-after": retryAfter = value
            default: break
            }
        }
        let headLength = end - view.startIndex + 4
        guard buffer.readableBytes >= headLength + length else { return nil }
        let status = Int(head.split(separator: " ", maxSplits: 2).dropFirst().first ?? "0") ?? 0
        buffer.moveReaderIndex(forwardBy: headLength)
        let body = buffer.readString(length: length) ?? ""
        if buffer.readableBytes == 0 { buffer.clear() }
        return LoadResponse(status: status, body: body, retryAfterSeconds: retryAfter)
    }

    private static func headEnd(_ view: ByteBufferView) -> Int? {
        guard view.count >= 4 else { return nil }
        for offset in view.startIndex..<(view.endIndex - 3)
        where view[offset] == 13 && view[offset + 1] == 10 && view[offset + 2] == 13 && view[offset + 3] == 10 {
            return offset
        }
        return nil
    }
}

/// Connections to one unit, on one event loop: at most `limit`; more requests wait for a free one.
final class ConnectionPool: @unchecked Sendable {  // All state belongs to `loop`.
    private let loop: any EventLoop
    private let host: String
    private let port: Int
    private let limit: Int
    private var idle: [HTTPConnection] = []
    private var open = 0
    private var waiting: [(ByteBuffer, EventLoopPromise<LoadResponse>)] = []
    static let timeoutSeconds: Int64 = 5

    /// - Parameter url: `http://host:port`.
    init?(url: String, limit: Int, on loop: any EventLoop) {
        let parts = url.drop(while: { $0 != "/" }).drop(while: { $0 == "/" }).split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]) else { return nil }
        (self.host, self.port, self.limit, self.loop) = (String(parts[0]), port, limit, loop)
    }

    func send(_ request: ByteBuffer) async throws -> LoadResponse {
        try await self.loop.flatSubmit {
            let promise = self.loop.makePromise(of: LoadResponse.self)
            self.waiting.append((request, promise))
            self.pump()
            return promise.futureResult
        }.get()
    }

    /// Sends a request on a new connection and closes it at once, so that the answer is lost.
    func sendAndCut(_ request: ByteBuffer) async {
        _ = try? await self.connect().flatMap { connection -> EventLoopFuture<Void> in
            connection.channel.writeAndFlush(request).flatMap { connection.channel.close() }
        }.get()
    }

    private func connect() -> EventLoopFuture<HTTPConnection> {
        ClientBootstrap(group: self.loop).connectTimeout(.seconds(2))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: self.host, port: self.port)
            .flatMap { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = HTTPConnection(channel: channel)
                    try channel.pipeline.syncOperations.addHandler(connection)
                    return connection
                }
            }
    }

    private func pump() {
        while !self.waiting.isEmpty {
            if let connection = self.idle.popLast() {
                if connection.isOpen { self.use(connection) } else { self.open -= 1 }
            } else if self.open < self.limit {
                self.open += 1
                self.connect().whenComplete { result in
                    switch result {
                    case .success(let connection):
                        self.idle.append(connection)
                        self.pump()
                    case .failure(let error):
                        self.open -= 1
                        if !self.waiting.isEmpty { self.waiting.removeFirst().1.fail(error) }
                    }
                }
                if self.open >= self.limit || self.open > self.waiting.count { return }
            } else {
                return
            }
        }
    }

    private func use(_ connection: HTTPConnection) {
        let (request, outer) = self.waiting.removeFirst()
        let promise = self.loop.makePromise(of: LoadResponse.self)
        let timer = self.loop.scheduleTask(in: .seconds(Self.timeoutSeconds)) { connection.channel.close(promise: nil) }
        promise.futureResult.whenComplete { result in
            timer.cancel()
            if connection.isOpen, case .success = result { self.idle.append(connection) } else { self.open -= 1 }
            self.pump()
            outer.completeWith(result)
        }
        connection.send(request, promise)
    }
}
