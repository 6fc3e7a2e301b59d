import DaemonSupport
import Hummingbird
import TrancheAPI
import TrancheCore

/// What units and coordinators can ask of the center: behind the service credential.
struct InternalRoutes {
    static let waitSecondsLimit = 25

    let center: Center

    func add(to group: RouterGroup<TrancheContext>) {
        group.post("units/:unit/register") { request, _ in
            Response.json(try await self.center.register(try await request.document(RegisterEnvelope.self)))
        }
        group.post("units/:unit/report") { request, _ in
            Response.json(try await self.center.report(try await request.document(ReportEnvelope.self)))
        }
        group.get("config") { request, _ in
            let after = request.uri.queryParameters.get("after", as: Int.self) ?? 0
            let wait = min(Self.waitSecondsLimit, max(0, request.uri.queryParameters.get("wait", as: Int.self) ?? 0))
            guard let push = await self.center.book.next(after: after, waitSeconds: wait) else {
                return Response(status: .noContent)
            }
            return Response.json(push)
        }
        group.post("coordinators/lead") { _, _ in
            Response.json(Leadership(epoch: try await self.center.keeper.perform { $0.lead(into: &$1) }))
        }
        group.get("quota") { _, _ in Response.json(try await self.center.quota()) }
        group.post("quota/commands") { request, _ in
            try await self.center.carryOut(try await request.document(QuotaCommands.self))
            return Response(status: .noContent)
        }
    }
}
