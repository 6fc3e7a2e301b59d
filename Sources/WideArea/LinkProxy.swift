package import NIOCore
import NIOPosix

/// Carries TCP connections over two links, one for each direction, to a port of this machine.
///
/// Bytes keep their order, as on a real connection. The TCP handshake is not delayed.
package final class LinkProxy: Sendable {
    package let port: Int
    private let listener: any Channel

    /// - Parameters:
    ///   - port: The port of 127.0.0.1 to listen on; 0 for any.
    ///   - target: The port of 127.0.0.1 to forward connections to.
    ///   - forward: The link from the client to the target.
    ///   - backward: The link from the target to the client.
    package init(
        port: Int, target: Int, forward: Link, backward: Link, group: any EventLoopGroup
    ) async throws {
        self.listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { accepted in
                ClientBootstrap(group: accepted.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { connected in
                        try accepted.pipeline.syncOperations.addHandler(Pipe(to: connected, over: forward))
                        try connected.pipeline.syncOperations.addHandler(Pipe(to: accepted, over: backward))
                        accepted.setOption(.autoRead, value: true).whenComplete { _ in }
                        connected.setOption(.autoRead, value: true).whenComplete { _ in }
                    }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = self.listener.localAddress?.port ?? port
    }

    package func close() async { try? await self.listener.close() }
}

/// Writes the data from one end to the other end after the link's delay, in order.
private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Maximum bytes in transit on one connection; a connection with more is closed.
    static let bytesLimit = 32 << 20
    static let cutPollMilliseconds: Int64 = 10

    private let other: any Channel
    private let link: Link
    private var last = NIODeadline.now()
    private var waiting: [(at: NIODeadline, data: ByteBuffer?)] = []
    private var bytes = 0
    private var isScheduled = false

    init(to other: any Channel, over link: Link) {
        self.other = other
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.bytes += buffer.readableBytes
        guard let delay = self.link.enter(bytes: buffer.readableBytes), self.bytes <= Self.bytesLimit else {
            context.close(promise: nil)
            self.other.close(promise: nil)
            return
        }
        self.enqueue(buffer, after: delay, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.enqueue(nil, after: self.link.enter(bytes: 0) ?? .zero, context)
        context.fireChannelInactive()
    }

    private func enqueue(_ data: ByteBuffer?, after delay: TimeAmount, _ context: ChannelHandlerContext) {
        self.last = max(self.last, .now() + delay)
        self.waiting.append((self.last, data))
        self.schedule(on: context.eventLoop)
    }

    private func schedule(on loop: any EventLoop) {
        guard !self.isScheduled, let first = self.waiting.first else { return }
        self.isScheduled = true
        let at = self.link.state.isCut ? .now() + .milliseconds(Self.cutPollMilliseconds) : first.at
        loop.assumeIsolated().scheduleTask(deadline: at) { self.deliver(on: loop) }
    }

    private func deliver(on loop: any EventLoop) {
        self.isScheduled = false
        var isFlushed = true
        while !self.link.state.isCut, let first = self.waiting.first, first.at <= .now() {
            self.waiting.removeFirst()
            guard let data = first.data else { return self.other.close(promise: nil) }
            self.bytes -= data.readableBytes
            self.other.write(data, promise: nil)
            isFlushed = false
        }
        if !isFlushed { self.other.flush() }
        self.schedule(on: loop)
    }
}
