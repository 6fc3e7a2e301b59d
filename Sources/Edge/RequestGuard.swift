import NIOCore
import NIOHTTP1
import TrancheAPI

/// The handler between the decoder and the router. It stops requests that no router may serve, and reads nothing after
/// them.
///
/// A refusal goes to the responder as a request, so that it is answered after all earlier requests.
///
/// Used on its channel's event loop only.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let edge: EdgeGuard
    private let bodyLimit: Int
    private var isRefusing = false
    private var isInRequest = false
    /// Whether the present answer has a head and no end yet.
    private var isAnswering = false
    /// Whether this handler has sent the last answer; later output of the router is dropped.
    private var hasSpoken = false

    init(_ edge: EdgeGuard, bodyLimit: Int) { (self.edge, self.bodyLimit) = (edge, bodyLimit) }

    func handlerAdded(context: ChannelHandlerContext) {
        self.edge.refuseSlow = { [unowned self] part in
            guard !self.isRefusing, !self.isAnswering else { return false }
            switch part {
            case .head where !self.isInRequest: self.refuse(.tooSlow, context)
            case .body where self.isInRequest: self.interrupt(.tooSlow, context)
            default: return false
            }
            return true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isRefusing else { return }
        switch self.unwrapInboundIn(data) {
        case .head(var head):
            self.edge.headEnded()
            if let refusal = EdgeRefusal.judge(head, bodyLimit: self.bodyLimit) { return self.refuse(refusal, context) }
            self.isInRequest = true
            head.headers.remove(name: EdgeRefusal.field)
            // The stack behind this handler understands only this form: not "Close", and not HTTP/1.0.
            if !head.isKeepAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.fireChannelRead(self.wrapInboundOut(.head(head)))
        case .body: context.fireChannelRead(data)
        case .end:
            self.isInRequest = false
            self.edge.requestEnded()
            context.fireChannelRead(data)
        }
    }

    private func refuse(_ refusal: EdgeRefusal, _ context: ChannelHandlerContext) {
        self.isRefusing = true
        self.edge.requestEnded()
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/",
            headers: ["Connection": "close", EdgeRefusal.field: refusal.rawValue])
        context.fireChannelRead(self.wrapInboundOut(.head(head)))
        context.fireChannelRead(self.wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    /// Answers in place of the router, which waits for a body.
    private func interrupt(_ refusal: EdgeRefusal, _ context: ChannelHandlerContext) {
        let problem = refusal.problem(bodyLimit: self.bodyLimit)
        let body = ByteBuffer(bytes: problem.json)
        let headers: HTTPHeaders = [
            "Content-Type": "application/problem+json", "Content-Length": "\(body.readableBytes)",
            "Connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: problem.status), headers: headers)
        (self.isRefusing, self.hasSpoken) = (true, true)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    /// Bytes after a refused request are not read: they stay in the kernel until the connection is closed.
    func read(context: ChannelHandlerContext) {
        if !self.isRefusing { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        if self.isRefusing { return }
        // In the middle of a request, the responder cannot get another one.
        if self.isInRequest { return context.close(promise: nil) }
        self.refuse(error as? HTTPParserError == .headerOverflow ? .headTooLarge : .malformed, context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if self.hasSpoken {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch self.unwrapOutboundIn(data) {
        // An interim answer has no end, and another answer follows it.
        case .head: self.isAnswering = true
        case .body: break
        case .end:
            self.isAnswering = false
            self.edge.answered()
        }
        context.write(data, promise: promise)
    }
}
