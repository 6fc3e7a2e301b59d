package import Edge
import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import Sockets
import TrancheAPI
import TrancheCore

/// A connection of the ordinary HTTP/1.1 stack with its guards. The four listeners of an installation accept
/// connections only in this way.
package struct EdgeHTTP: ServerChildChannel, HTTPChannelHandler {
    /// An accepted connection.
    package struct Value: ServerChildChannelValue {
        let http: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        /// `nil` without TLS.
        let peer: PeerCertificate?
        package var channel: any Channel { self.http.channel }
    }

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
            let secured = self.tls?.connection()
            try EdgePipeline.add(
                edge, bodyLimit: self.limits.bodyBytes, transport: secured?.handler, to: pipeline)
            if let secured {
                try pipeline.addHandler(PeerReader(secured.peer), position: .after(secured.handler))
            }
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: self.tls != nil))
            try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
            return Value(
                http: try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)),
                peer: secured?.peer)
        }
    }

    package func handle(value: Value, logger: Logger) async {
        await PeerCertificate.$current.withValue(value.peer) {
            await self.handleHTTP(asyncChannel: value.http, logger: logger)
        }
    }
}
