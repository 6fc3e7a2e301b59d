import DaemonSupport
import Hummingbird
import TrancheAPI
import TrancheCore

/// What units and coordinators can ask of the center: behind the service credential.
struct InternalRoutes {
    static let waitSecondsLimit = 25
    static let contestBytesLimit = 32 << 20

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
        group.post("coordinators/lead") { request, _ in
            Response.json(try await self.center.lead(try await request.document(LeadBody.self)))
        }
        group.post("coordinators/heartbeat") { request, _ in
            try await self.center.hear(try await request.document(CoordinatorAddress.self, limit: 4 << 10))
            return Response(status: .noContent)
        }
        group.get("quota") { request, _ in
            let query = request.uri.queryParameters
            guard let epoch = query.get("epoch", as: UInt64.self), let url = query.get("url") else {
                throw Problem(status: 400, code: "bad_request", detail: "epoch and url of the coordinator are missing")
            }
            return Response.json(try await self.center.quota(for: CoordinatorAddress(epoch: Epoch(epoch), url: url)))
        }
        group.get("contests/:lot") { _, context in Response.json(try await self.center.contest(try context.lot())) }
        group.post("contests/:lot") { request, context in
            let command = try await request.document(ContestCommand.self, limit: Self.contestBytesLimit)
            return Response.json(try await self.center.contest(try context.lot(), command))
        }
        group.post("quota/commands") { request, _ in
            try await self.center.carryOut(try await request.document(QuotaCommands.self))
            return Response(status: .noContent)
        }
    }
}
