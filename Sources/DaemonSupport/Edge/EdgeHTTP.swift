import HTTPTypes
package import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import Sockets
import TrancheAPI

/// A connection of the ordinary HTTP/1.1 stack with its guards: the one way in which the four listeners of an installation
/// meet strangers.
package struct EdgeHTTP: ServerChildChannel, HTTPChannelHandler {
    package typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    package let responder: HTTPChannelHandler.Responder
    private let limits: EdgeLimits
    private let register: ConnectionRegister
    private let counts: Bool
    private let tls: ServerTLS?

    /// - Parameter counts: Whether connections enter the register here, or have done so before.
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
                self.limits, self.register, counts: self.counts, speaksPlainly: self.tls == nil)
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

/// What every router of a process answers through: refusals of the edge, and HEAD as GET without the body.
package struct EdgeResponder: HTTPResponder {
    private let router: RouterResponder<TrancheContext>
    private let bodyLimit: Int

    package init(_ router: RouterResponder<TrancheContext>, bodyLimit: Int) {
        (self.router, self.bodyLimit) = (router, bodyLimit)
    }

    package func respond(to request: Request, context: TrancheContext) async throws -> Response {
        if let name = HTTPField.Name(EdgeRefusal.field), let refusal = request.headers[name] {
            let problem = (EdgeRefusal(rawValue: refusal) ?? .malformed).problem(bodyLimit: self.bodyLimit)
            var response = problem.response
            response.headers[.connection] = "close"
            return response
        }
        var response = try await self.answer(request, context)
        if request.headers[.connection] == "close" { response.headers[.connection] = "close" }
        return response
    }

    private func answer(_ request: Request, _ context: TrancheContext) async throws -> Response {
        guard request.method == .head else { return try await self.router.respond(to: request, context: context) }
        // RFC 9110, section 9.3.2: the same answer, and none of its body, whatever the status.
        var head = request.head
        head.method = .get
        let response = try await self.router.respond(to: Request(head: head, body: request.body), context: context)
        return response.createHeadResponse()
    }
}

/// A listener of the ordinary stack.
package enum EdgeServer {
    package static func application(
        router: Router<TrancheContext>, host: String, port: Int, limits wanted: EdgeLimits, tls: ServerTLS? = nil,
        logger: Logger
    ) -> Application<EdgeResponder> {
        let limits = Self.possible(wanted, logger)
        let register = ConnectionRegister(limit: limits.connections, limitPerAddress: limits.connectionsPerAddress)
        return Application(
            responder: EdgeResponder(router.buildResponder(), bodyLimit: limits.bodyBytes),
            server: HTTPServerBuilder { EdgeHTTP(responder: $0, limits: limits, register: register, tls: tls) },
            configuration: .init(address: .hostname(host, port: port)), logger: logger)
    }

    /// As many connections as are wanted, or as descriptors allow.
    package static func possible(_ wanted: EdgeLimits, _ logger: Logger) -> EdgeLimits {
        let allowed = max(1, Descriptors.raiseLimit() - Descriptors.reserve)
        guard wanted.connections > allowed else { return wanted }
        logger.warning(
            "fewer connections than configured: the limit of open files is too low (ulimit -n)",
            metadata: ["configured": "\(wanted.connections)", "possible": "\(allowed)"])
        var limits = wanted
        limits.connections = allowed
        limits.connectionsPerAddress = min(allowed, wanted.connectionsPerAddress)
        return limits
    }
}
