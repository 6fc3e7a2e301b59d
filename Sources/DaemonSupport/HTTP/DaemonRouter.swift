import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import TrancheAPI

/// Makes the router of a process: problem documents for errors, the endpoints that all processes have, and its own
/// ones.
package enum DaemonRouter {
    /// The callers that can reach a listener.
    package enum Audience: Sendable {
        /// Processes of the installation, operators and their monitoring.
        case inner
        /// The internet: answers contain no paths, no figures and nothing else that helps a bot.
        case anybody
    }

    /// - Parameter notReady: Why the process cannot do its work yet; `nil` if it can.
    package static func make(
        for audience: Audience, logger: Logger, telemetry: Telemetry,
        notReady: @escaping @Sendable () -> String? = { nil }, _ addRoutes: (Router<TrancheContext>) -> Void
    ) -> Router<TrancheContext> {
        let router = Router(context: TrancheContext.self)
        let table = RouteTable()
        if audience == .anybody { router.add(middleware: CrossOriginMiddleware()) }
        router.add(middleware: ProblemMiddleware(logger: logger, table: table))
        self.addHealth(to: router, audience, notReady)
        if audience == .inner { self.addInsight(to: router, telemetry) }
        addRoutes(router)
        table.read(router)
        return router
    }

    private static func addHealth(
        to router: Router<TrancheContext>, _ audience: Audience, _ notReady: @escaping @Sendable () -> String?
    ) {
        router.get("/healthz") { _, _ in Response.text("ok\n") }
        router.get("/readyz") { _, _ -> Response in
            if let reason = notReady() {
                let detail = audience == .inner ? reason : "not ready to serve; the internal address says why"
                throw Problem(status: 503, code: "not_ready", detail: detail, retryAfter: 1)
            }
            return Response.text("ready\n")
        }
    }

    private static func addInsight(to router: Router<TrancheContext>, _ telemetry: Telemetry) {
        router.get("/metrics") { _, _ in Response.text(telemetry.text, type: "text/plain; version=0.0.4") }
        router.get("/openapi.yaml") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml"],
                body: .init(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
        }
    }
}
