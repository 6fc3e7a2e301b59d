import DaemonSupport
import Edge
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTPTypes
import NIOPosix
import Sockets

/// Takes connections over from the lanes, and serves them with the ordinary HTTP/1.1 stack.
package final class Handover: Sendable {
    /// Answers a request of a client whose address the lane has read: behind a proxy the kernel does not know it.
    typealias Responder = @Sendable (Request, consuming ResponseWriter, any Channel, ClientAddress) async throws -> Void

    private let responder: Responder
    private let limits: EdgeLimits
    private let register: ConnectionRegister
    private let logger: Logger
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Connections that are on their way into a channel.
        var pending = 0
        var isQuiescing = false
    }
    private let state = NIOLockedValueBox(State())
    /// How long connections may wait for their answers, in seconds from the start of the shutdown.
    static let quiesceSeconds = 1.2
    private let quiescedAt = NIOLockedValueBox<ContinuousClock.Instant?>(nil)

    init(
        responder: @escaping Responder, limits: EdgeLimits, register: ConnectionRegister, logger: Logger
    ) {
        (self.responder, self.limits, self.register, self.logger) = (responder, limits, register, logger)
    }

    /// One connection of the ordinary stack. It keeps its client's address from its first request to its last one, also
    /// when the connection is reset before a request is answered.
    private func http(of client: ClientAddress) -> EdgeHTTP {
        let responder = self.responder
        return EdgeHTTP(
            responder: { request, writer, channel in try await responder(request, writer, channel, client) },
            // The lanes have counted these connections.
            limits: self.limits, register: self.register, counts: false)
    }

    /// - Parameters:
    ///   - first: The bytes that the connection has sent so far.
    ///   - address: The client's. It leaves the register when the connection ends.
    func receive(_ descriptor: Int32, _ first: [UInt8], _ address: ClientAddress) {
        let (http, logger) = (self.http(of: address), self.logger)
        self.state.withLockedValue { $0.pending += 1 }
        let value = NIOLockedValueBox<EdgeHTTP.Value?>(nil)
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstBytes(ByteBuffer(bytes: first)))
                }.flatMap { http.setup(channel: channel, logger: logger) }.map { made in
                    value.withLockedValue { $0 = made }
                }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { result in
                guard case .success(let channel) = result, let made = value.withLockedValue({ $0 }) else {
                    self.state.withLockedValue { $0.pending -= 1 }
                    return self.register.leave(address)
                }
                let key = ObjectIdentifier(channel)
                let isQuiescing = self.state.withLockedValue { state in
                    state.pending -= 1
                    state.channels[key] = channel
                    return state.isQuiescing
                }
                channel.closeFuture.whenComplete { _ in
                    self.state.withLockedValue { $0.channels[key] = nil }
                    self.register.leave(address)
                }
                Task { await http.handle(value: made, logger: logger) }
                if isQuiescing { Self.quiesce(channel) }
            }
    }

    private static func quiesce(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    /// Ends idle connections at once, and others after the answer that they wait for. Later connections end in the same
    /// way.
    func quiesce() {
        self.quiescedAt.withLockedValue { $0 = .now }
        let open = self.state.withLockedValue { state in
            state.isQuiescing = true
            return Array(state.channels.values)
        }
        for channel in open { Self.quiesce(channel) }
    }

    /// Waits until every connection has ended, and closes those that do not end in time.
    func finish() async {
        let end = (self.quiescedAt.withLockedValue { $0 } ?? .now) + .seconds(Self.quiesceSeconds)
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

    /// Dropped after use: a connection may live for long.
    private var bytes: ByteBuffer?

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard let bytes = self.bytes.take() else { return }
        context.fireChannelRead(self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
    }
}
