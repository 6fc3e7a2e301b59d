package import NIOCore
import Sockets
import TrancheAPI

/// The first handler of a connection of the ordinary HTTP stack: counts the connection and its bytes, and closes it
/// when a request takes too long.
///
/// Used on its channel's event loop only.
package final class EdgeGuard: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// The interval between two checks of the deadlines; shorter if a deadline is near.
    private static let lookSeconds: Int64 = 1

    private let register: ConnectionRegister
    /// `nil`: the code that made the connection counts it.
    private var counted: ClientAddress?
    private let counts: Bool
    private let speaksPlainly: Bool
    private let clock: @Sendable () -> Int64
    private var watch: RequestWatch
    private var activity: ConnectionActivity?
    private var timer: Scheduled<Void>?
    private var isOver = false
    /// The connection is not admitted; it gets the reason as soon as it is active.
    private var isRefused = false
    /// Refuses a request whose head or body is overdue, if no earlier request still waits for its answer.
    var refuseSlow: ((_ part: RequestWatch.Overdue) -> Bool)?

    /// - Parameters:
    ///   - counts: Whether the connection enters the register here.
    ///   - speaksPlainly: The connection has no TLS.
    ///   - clock: Microseconds of a clock that never steps, the same for all connections of one register.
    package init(
        _ limits: EdgeLimits, _ register: ConnectionRegister, counts: Bool, speaksPlainly: Bool,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.speaksPlainly = speaksPlainly
        self.clock = clock
        self.register = register
        self.counts = counts
        self.watch = RequestWatch(bytesLimit: limits.requestBytes, now: clock())
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        guard self.enter(context) else {
            self.isRefused = true
            return context.channel.isActive ? self.refuse(context) : ()
        }
        let channel = context.channel
        let activity = ConnectionActivity { channel.close(promise: nil) }
        activity.idle = self.watch.idle
        self.activity = activity
        self.register.track(activity)
        self.look(context)
    }

    package func handlerRemoved(context: ChannelHandlerContext) { self.end() }

    package func channelActive(context: ChannelHandlerContext) {
        if self.isRefused { return self.refuse(context) }
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func enter(_ context: ChannelHandlerContext) -> Bool {
        guard self.counts else { return true }
        let address = context.remoteAddress?.withSockAddr { address, _ in ClientAddress(address) } ?? .local
        var outcome = self.register.enter(address)
        // The connection that was idle for the longest time is closed. It leaves a moment later, so the count exceeds
        // the limit until then.
        if outcome == .full, self.register.closeOldestIdle() {
            outcome = self.register.enter(address, hasMadeRoom: true)
        }
        guard outcome == .counted else { return false }
        self.counted = address
        return true
    }

    /// Sends the reason, if the connection has no TLS, and closes.
    private func refuse(_ context: ChannelHandlerContext) {
        guard self.speaksPlainly else { return context.close(promise: nil) }
        let problem = Problem.tooManyConnections(limit: self.register.limitPerAddress)
        let body = problem.json
        var answer = ByteBuffer(
            string: "HTTP/1.1 \(problem.status) Service Unavailable\r\nContent-Type: application/problem+json\r\n"
                + "Retry-After: 1\r\nConnection: close\r\nContent-Length: \(body.count)\r\n\r\n")
        answer.writeBytes(body)
        context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
        context.close(promise: nil)
    }

    private func end() {
        guard !self.isOver else { return }
        self.isOver = true
        self.refuseSlow = nil
        self.timer?.cancel()
        if let activity { self.register.untrack(activity) }
        if let counted { self.register.leave(counted) }
    }

    private func look(_ context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Self.lookSeconds)) {
            switch self.watch.overdue(now: self.clock(), isCrowded: self.register.isCrowded) {
            case nil: self.look(context)
            case let part? where self.watch.isOnlyRequest && self.refuseSlow?(part) == true: self.look(context)
            default: context.close(promise: nil)
            }
        }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = self.unwrapInboundIn(data).readableBytes
        self.change { $0.received(count, now: self.clock()) }
        context.fireChannelRead(data)
        if self.watch.isTooLong { context.close(promise: nil) }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isUnsent = !context.channel.isWritable
        self.change { $0.setUnsent(isUnsent, now: self.clock()) }
        context.fireChannelWritabilityChanged()
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Earlier answers may not be sent yet: they get the usual time.
        if mode == .output { self.change { $0.setUnsent(true, now: self.clock()) } }
        context.close(mode: mode, promise: promise)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .outputClosed {
            self.change {
                $0.setUnsent(false, now: self.clock())
                $0.leave(now: self.clock())
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    // Calls from the guard behind the decoder.

    func headEnded() { self.change { $0.headEnded() } }
    func requestEnded() { self.change { $0.requestEnded() } }
    func answered() { self.change { $0.answered(now: self.clock()) } }

    @discardableResult private func change<Value>(_ body: (inout RequestWatch) -> Value) -> Value {
        defer { self.activity?.idle = self.watch.idle }
        return body(&self.watch)
    }
}
