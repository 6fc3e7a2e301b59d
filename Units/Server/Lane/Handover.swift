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
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Connections that are on their way into a channel.
        var pending = 0
        var isQuiescing = false
    }
    private let state = NIOLockedValueBox(State())
    /// How long connections may take for the answers that they wait for, in seconds.
    static let quiesceSeconds = 5.0

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
        self.state.withLockedValue { $0.pending += 1 }
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
                    self.state.withLockedValue { $0.pending -= 1 }
                    return count.leave()
                }
                let key = ObjectIdentifier(channel)
                let isQuiescing = self.state.withLockedValue { state in
                    state.pending -= 1
                    state.channels[key] = channel
                    return state.isQuiescing
                }
                channel.closeFuture.whenComplete { _ in
                    self.state.withLockedValue { $0.channels[key] = nil }
                    count.leave()
                }
                Task { await http.handle(value: made, logger: logger) }
                if isQuiescing { Self.quiesce(channel) }
            }
    }

    private static func quiesce(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    /// Ends idle connections, and the others after the answer that they wait for; whoever comes later, too.
    func quiesce() {
        let open = self.state.withLockedValue { state in
            state.isQuiescing = true
            return Array(state.channels.values)
        }
        for channel in open { Self.quiesce(channel) }
    }

    /// Waits until every connection has ended, and ends those that do not.
    func finish() async {
        let end = ContinuousClock.now + .seconds(Self.quiesceSeconds)
        while self.state.withLockedValue({ $0.pending > 0 || !$0.channels.isEmpty }), ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for channel in self.state.withLockedValue({ Array($0.channels.values) }) { channel.close(promise: nil) }
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
