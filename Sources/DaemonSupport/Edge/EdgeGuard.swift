import Glibc
import NIOCore
import Sockets
import TrancheAPI
import TrancheCore

/// Stands in front of everything else on a connection of the ordinary HTTP stack: counts the connection, counts
/// bytes, and closes connections that take too long.
///
/// Used on its channel's event loop only.
final class EdgeGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Looks at the deadlines so often; earlier if one is near.
    private static let lookSeconds: Int64 = 1

    private let register: ConnectionRegister
    /// `nil`: the code that made the connection counts it.
    private var counted: ClientAddress?
    private let counts: Bool
    private let speaksPlainly: Bool
    private var watch: RequestWatch
    private var activity: ConnectionActivity?
    private var timer: Scheduled<Void>?
    private var isOver = false
    /// Not admitted: hears why as soon as the connection is there.
    private var isRefused = false
    /// Refuses the request whose head or body does not come, if that can be said in turn.
    var refuseSlow: ((_ part: RequestWatch.Overdue) -> Bool)?

    /// - Parameters:
    ///   - counts: Whether the connection enters the register here.
    ///   - speaksPlainly: Nothing encrypts the connection.
    init(_ limits: EdgeLimits, _ register: ConnectionRegister, counts: Bool, speaksPlainly: Bool) {
        self.speaksPlainly = speaksPlainly
        self.register = register
        self.counts = counts
        self.watch = RequestWatch(bytesLimit: limits.requestBytes, now: Self.now)
    }

    private static var now: Int64 { SystemClock.monotonic().microseconds }

    func handlerAdded(context: ChannelHandlerContext) {
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

    func handlerRemoved(context: ChannelHandlerContext) { self.end() }

    func channelActive(context: ChannelHandlerContext) {
        if self.isRefused { return self.refuse(context) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func enter(_ context: ChannelHandlerContext) -> Bool {
        guard self.counts else { return true }
        let address = context.remoteAddress.map(ClientAddress.init(_:)) ?? .local
        var admission = self.register.enter(address)
        // The oldest idle one goes; it leaves its place a moment later, so this one is counted above the limit for a
        // moment.
        if admission == .full, self.register.closeOldestIdle() {
            admission = self.register.enter(address, hasMadeRoom: true)
        }
        guard admission == .admitted else { return false }
        self.counted = address
        return true
    }

    /// Says why, where it can be said without a handshake, and closes.
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
            switch self.watch.overdue(now: Self.now, isCrowded: self.register.isCrowded) {
            case nil: self.look(context)
            case let part? where self.watch.isOnlyRequest && self.refuseSlow?(part) == true: self.look(context)
            default: context.close(promise: nil)
            }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = self.unwrapInboundIn(data).readableBytes
        self.change { $0.received(count, now: Self.now) }
        context.fireChannelRead(data)
        if self.watch.isTooLong { context.close(promise: nil) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isUnsent = !context.channel.isWritable
        self.change { $0.setUnsent(isUnsent, now: Self.now) }
        context.fireChannelWritabilityChanged()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // What was written before may still be on its way: it has the time of any answer.
        if mode == .output { self.change { $0.setUnsent(true, now: Self.now) } }
        context.close(mode: mode, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .outputClosed {
            self.change {
                $0.setUnsent(false, now: Self.now)
                $0.leave(now: Self.now)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    // What the guard behind the decoder has seen.

    func headEnded() { self.change { $0.headEnded() } }
    func requestEnded() { self.change { $0.requestEnded() } }
    func answered() { self.change { $0.answered(now: Self.now) } }

    @discardableResult private func change<Value>(_ body: (inout RequestWatch) -> Value) -> Value {
        defer { self.activity?.idle = self.watch.idle }
        return body(&self.watch)
    }
}

extension ClientAddress {
    init(_ address: SocketAddress) {
        switch address {
        case .v4(let v4): self.init(v4: v4.address.sin_addr)
        case .v6(let v6): self.init(v6: v6.address.sin6_addr)
        case .unixDomainSocket: self = .local
        }
    }
}
