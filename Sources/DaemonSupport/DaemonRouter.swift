import HTTPTypes
package import Hummingbird
package import Logging
import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI

/// The router of a process: problem documents for every error, the endpoints that every process has, and its own.
package enum DaemonRouter {
    /// Who can reach a listener.
    package enum Audience: Sendable {
        /// Processes of the installation, operators and their monitoring.
        case inner
        /// Everybody: whatever helps a bot, or tells of paths and figures, is not here.
        case anybody
    }

    /// - Parameter notReady: Why the process cannot do its work yet; `nil` if it can.
    package static func make(
        for audience: Audience, logger: Logger, telemetry: Telemetry,
        notReady: @escaping @Sendable () -> String? = { nil }, _ addRoutes: (Router<TrancheContext>) -> Void
    ) -> Router<TrancheContext> {
        let router = Router(context: TrancheContext.self)
        let table = RouteTable()
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

/// Which methods each address takes, so that a wrong one is answered with 405 and `Allow` (RFC 9110, section 15.5.6).
package final class RouteTable: Sendable {
    private struct Route {
        let segments: [Substring]
        let method: HTTPRequest.Method
    }
    private let routes = NIOLockedValueBox<[Route]>([])

    package init() {}

    /// Reads the routes of a router that is complete.
    func read(_ router: Router<TrancheContext>) {
        let found = router.routes.map {
            Route(segments: $0.path.description.split(separator: "/").map { Substring(String($0)) }, method: $0.method)
        }
        self.routes.withLockedValue { $0 = found }
    }

    /// Methods of the address, in order of their names; empty if there is no such address.
    func methods(at path: String) -> [String] {
        let asked = path.split(separator: "/")
        let found = self.routes.withLockedValue { routes in
            routes.filter { route in
                route.segments.count == asked.count
                    && zip(route.segments, asked).allSatisfy { isParameter($0) || $0 == $1 }
            }.map(\.method.rawValue)
        }
        // Whatever can be read can be asked for without its body.
        return Set(found.contains("GET") ? found + ["HEAD"] : found).sorted()
    }
}

private func isParameter(_ segment: Substring) -> Bool { segment.hasPrefix(":") || segment.hasPrefix("{") }
