import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI
import TrancheCore

/// Takes buy requests ahead of the HTTP stack: bytes in, bytes out, no router, no task.
///
/// A connection stays in the lane while it sends nothing but plain buy requests, one at a time. The first request of any
/// other form goes, with all that follows on this connection, to the ordinary HTTP stack, which serves buy requests just
/// as well.
final class ExpressLane: ChannelDuplexHandler, AnswerSink, RemovableChannelHandler, @unchecked Sendable {
    // All state belongs to the channel's event loop; `deliver` is called on it.
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bytes that may wait behind a request that is being decided.
    static let pendingBytesLimit = 64 << 10

    private let counter: Counter
    private var context: ChannelHandlerContext?
    private var pending = ByteBuffer()
    private var ticket: UInt64?
    private var isOrdinary = false
    private var keepsAlive = true
    private var inputIsClosed = false

    init(_ counter: Counter) { self.counter = counter }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        self.ticket = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isOrdinary { return context.fireChannelRead(data) }
        var bytes = self.unwrapInboundIn(data)
        self.pending.writeBuffer(&bytes)
        self.proceed(context)
        // Whatever is left waits for an answer, or for a reader who does not read.
        if self.pending.readableBytes > Self.pendingBytesLimit { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed, !self.isOrdinary {
            self.inputIsClosed = true
            // The HTTP stack below never saw a request here, so nobody else would close the connection.
            if self.ticket == nil { return context.close(promise: nil) }
            return
        }
        if event is ChannelShouldQuiesceEvent, !self.isOrdinary {
            // The HTTP stack below would close at once: it has not seen the request that is being decided.
            if self.ticket == nil { return context.close(promise: nil) }
            self.keepsAlive = false
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.proceed(context)
        context.fireChannelWritabilityChanged()
    }

    private func proceed(_ context: ChannelHandlerContext) {
        while self.ticket == nil, !self.isOrdinary, self.keepsAlive, context.channel.isWritable,
            self.pending.readableBytes > 0
        {
            switch BuyRequestParser.parse(&self.pending) {
            case .incomplete: return
            case .other: return self.leave(context)
            case .request(let request): self.serve(request, context)
            }
        }
    }

    private func leave(_ context: ChannelHandlerContext) {
        self.isOrdinary = true
        let bytes = self.pending
        self.pending = ByteBuffer()
        context.fireChannelRead(self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
    }

    private func serve(_ request: BuyRequestParser.Parsed, _ context: ChannelHandlerContext) {
        self.keepsAlive = request.keepsAlive
        var mine: UInt64?
        let result = self.counter.buy(lot: request.lot, token: request.token, quantity: request.quantity) {
            let ticket = self.counter.waiters.add(self, on: context.eventLoop)
            mine = ticket
            return ticket
        }
        switch result {
        case .success(nil): self.ticket = mine
        case .success(let answer?): self.write(answer, context)
        case .failure(let problem): self.write(problem, context)
        }
    }

    func deliver(_ answer: Answer, ticket: UInt64) {
        guard self.ticket == ticket, let context = self.context else { return }
        self.ticket = nil
        self.write(answer, context)
        if self.keepsAlive, !self.inputIsClosed { self.proceed(context) } else { context.close(promise: nil) }
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        switch answer {
        case .order(let order):
            let standing = order.state == .contested ? self.counter.intake.standing(order.id) : nil
            let body = OrderDocument.json(order, standing)
            var buffer = context.channel.allocator.buffer(capacity: 320)
            switch Counter.status(of: order) {
            case 201: buffer.writeStaticString("HTTP/1.1 201 Created\r\n")
            case 202: buffer.writeStaticString("HTTP/1.1 202 Accepted\r\nRetry-After: 1\r\n")
            default: buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
            }
            buffer.writeString(
                "Content-Type: application/json\r\nLocation: /v1/orders/\(order.id)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            )
            buffer.writeString(body)
            self.send(buffer, context)
        case .refused(let refusal): self.write(Problem(refusal), context)
        }
    }

    private func write(_ problem: Problem, _ context: ChannelHandlerContext) {
        let body = problem.json
        var buffer = context.channel.allocator.buffer(capacity: 256 + body.count)
        buffer.writeString("HTTP/1.1 \(problem.status) \(problem.code)\r\nContent-Type: application/problem+json\r\n")
        if let seconds = problem.retryAfter { buffer.writeString("Retry-After: \(seconds)\r\n") }
        if let location = problem.location { buffer.writeString("Location: \(location)\r\n") }
        buffer.writeString("Content-Length: \(body.count)\r\n\r\n")
        buffer.writeBytes(body)
        self.send(buffer, context)
    }

    private func send(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        if !self.keepsAlive { context.close(mode: .output, promise: nil) }
    }
}
