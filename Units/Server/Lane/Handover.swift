import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTPTypes
import NIOPosix

/// Takes connections over from the lanes, and serves them with the ordinary HTTP/1.1 stack.
final class Handover: Sendable {
    private let http: HTTP1Channel
    private let logger: Logger
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    init(responder: @escaping HTTPChannelHandler.Responder, logger: Logger) {
        var configuration = HTTP1Channel.Configuration()
        configuration.httpDecoder = .init(
            maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64)
        self.http = HTTP1Channel(responder: responder, configuration: configuration)
        self.logger = logger
    }

    /// - Parameters:
    ///   - first: What the connection has sent so far.
    ///   - count: Left when the connection ends.
    func take(_ descriptor: Int32, _ first: [UInt8], _ count: ConnectionCount) {
        let (http, logger) = (self.http, self.logger)
        let value = NIOLockedValueBox<HTTP1Channel.Value?>(nil)
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        FirstBytes(ByteBuffer(bytes: first)),
                        IdleStateHandler(allTimeout: .seconds(Lane.idleSeconds)), IdleCloser(),
                    ])
                }.flatMap { http.setup(channel: channel, logger: logger) }.map { made in
                    value.withLockedValue { $0 = made }
                }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { result in
                guard case .success(let channel) = result, let made = value.withLockedValue({ $0 }) else {
                    return count.leave()
                }
                let key = ObjectIdentifier(channel)
                self.channels.withLockedValue { $0[key] = channel }
                channel.closeFuture.whenComplete { _ in
                    self.channels.withLockedValue { $0[key] = nil }
                    count.leave()
                }
                Task { await http.handle(value: made, logger: logger) }
            }
    }

    /// Ends idle connections, and the others after the answer that they wait for.
    func quiesce() async {
        let open = self.channels.withLockedValue { Array($0.values) }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        for channel in open { try? await channel.closeFuture.get() }
    }
}

/// Gives the pipeline the bytes that were read before it existed.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytes: ByteBuffer

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.fireChannelRead(self.wrapInboundOut(self.bytes))
        context.fireChannelReadComplete()
    }
}

/// Closes a connection on which nothing has moved for a while.
private final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
