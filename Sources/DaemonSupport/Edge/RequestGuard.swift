import NIOCore
import NIOHTTP1

/// Stands between the decoder and the router: what nobody here serves goes no further, and nothing behind it is read.
///
/// A refusal travels as a request of its own kind, so that it is answered in its turn, behind what was asked before.
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

    init(_ edge: EdgeGuard, bodyLimit: Int) { (self.edge, self.bodyLimit) = (edge, bodyLimit) }

    func handlerAdded(context: ChannelHandlerContext) {
        self.edge.refuseSlowHead = { [unowned self] in
            guard !self.isRefusing, !self.isInRequest else { return false }
            self.refuse(.tooSlow, context)
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

    /// Bytes behind a refused request mean nothing: they stay in the kernel until the connection is closed.
    func read(context: ChannelHandlerContext) {
        if !self.isRefusing { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        if self.isRefusing { return }
        // In the middle of a request nothing can be said any more.
        if self.isInRequest { return context.close(promise: nil) }
        self.refuse(.malformed, context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = self.unwrapOutboundIn(data) { self.edge.answered() }
        context.write(data, promise: promise)
    }
}
