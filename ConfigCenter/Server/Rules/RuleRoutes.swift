import DaemonSupport
import HTTPTypes
import Hummingbird
import TrancheAPI
import TrancheCore

/// The routes for rules that are not the same in all units of a sale.
struct RuleRoutes {
    static let bytesLimit = 1 << 20

    let seat: CenterSeat
    private var center: Center { get throws(Problem) { try self.seat.center } }

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("sales/:sale/rules") { _, context in try await self.document(Self.sale(context)) }
        group.put("sales/:sale/variants") { request, context in
            let (id, bytes) = (Self.sale(context), try await request.bytes(limit: Self.bytesLimit))
            let body = try JSON.decode(VariantsBody.self, from: bytes)
            try RuleFields.checkVariants(bytes)
            try await self.center.set(
                body.variants, of: id, expected: try request.expectedVersion(), actor: request.actor,
                act: try request.act("variants of \(id)"))
            return try await self.document(id)
        }
        group.put("sales/:sale/staged") { request, context in
            let (id, bytes) = (Self.sale(context), try await request.bytes(limit: Self.bytesLimit))
            let body = try JSON.decode(StagedBody.self, from: bytes)
            try RuleFields.checkStaged(bytes)
            try await self.center.begin(
                body, of: id, expected: try request.expectedVersion(), actor: request.actor,
                act: try request.act("new rules of \(id)"))
            return try await self.document(id)
        }
        group.post("sales/:sale/staged/:act") { request, context in
            let (id, name) = (Self.sale(context), context.parameters.get("act") ?? "")
            guard let act = StagedRollout.Act(rawValue: name) else {
                let all = StagedRollout.Act.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(status: 404, code: "unknown_act", detail: "\"\(name.prefix(20))\" is none of: \(all)")
            }
            let bytes = try await request.bytes(limit: 4 << 10)
            let body = bytes.isEmpty ? RolloutBody() : try JSON.decode(RolloutBody.self, from: bytes)
            try body.check()
            try await self.center.take(
                act, of: id, reason: body.reason, expected: try request.expectedVersion(), actor: request.actor,
                key: try request.act("\(name) the rollout of \(id)"))
            return try await self.document(id)
        }
    }

    private static func sale(_ context: TrancheContext) -> String { context.parameters.get("sale") ?? "" }

    private func document(_ id: String) async throws -> Response {
        let document = try await self.center.rulesDocument(of: id)
        return .json(document, headers: [.eTag: "\"\(document.version)\""])
    }
}
