package import Edge
package import Hummingbird
import HummingbirdCore
package import Logging
import Sockets

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

    /// The wanted number of connections, or fewer if the limit of open files requires it.
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
