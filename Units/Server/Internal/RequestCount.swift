import DaemonSupport
import Hummingbird

/// Counts what the center and the shop ask of a unit, refused requests too: so that it shows whether something new asks more.
struct RequestCount: RouterMiddleware {
    private let telemetry: Telemetry

    init(telemetry: Telemetry) {
        self.telemetry = telemetry
        self.count(by: 0)
    }

    func handle(
        _ request: Request, context: TrancheContext, next: (Request, TrancheContext) async throws -> Response
    ) async throws -> Response {
        self.count(by: 1)
        return try await next(request, context)
    }

    private func count(by amount: Int) {
        self.telemetry.count(
            "tranche_inner_requests_total", "Requests of the center and of the shop at the inner listener.", by: amount)
    }
}
