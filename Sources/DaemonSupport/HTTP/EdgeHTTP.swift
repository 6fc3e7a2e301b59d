package import Edge
import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import Sockets
import TrancheAPI
import TrancheCore

/// A connection of the ordinary HTTP/1.1 stack with its guards. The four listeners of an installation accept
/// connections only in this way.
package struct EdgeHTTP: ServerChildChannel, HTTPChannelHandler {
    package typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    package let responder: HTTPChannelHandler.Responder
    private let limits: EdgeLimits
    private let register: ConnectionRegister
    private let counts: Bool
    private let tls: ServerTLS?

    /// - Parameter counts: Whether connections enter the register here; `false` if they did so before.
    package init(
        responder: @escaping HTTPChannelHandler.Responder, limits: EdgeLimits, register: ConnectionRegister,
        counts: Bool = true, tls: ServerTLS? = nil
    ) {
        self.responder = responder
        self.limits = limits
        self.register = register
        self.counts = counts
        self.tls = tls
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let edge = EdgeGuard(
                self.limits, self.register, counts: self.counts, speaksPlainly: self.tls == nil,
                clock: { SystemClock.monotonic().microseconds })
            try EdgePipeline.add(
                edge, bodyLimit: self.limits.bodyBytes,
                transport: self.tls.map { NIOSSLServerHandler(context: $0.context) }, to: pipeline)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: self.tls != nil))
            try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    package func handle(value: Value, logger: Logger) async {
        await self.handleHTTP(asyncChannel: value, logger: logger)
    }
}
