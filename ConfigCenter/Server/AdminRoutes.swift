import DaemonSupport
import HTTPTypes
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// The routes for operators, behind their credentials and roles.
struct AdminRoutes {
    let seat: CenterSeat
    let refusals: RefusalLog
    let approvals: ApprovalRoutes
    private var center: Center { get throws(Problem) { try self.seat.center } }

    func add(to group: RouterGroup<TrancheContext>) {
        SaleRoutes(seat: self.seat, refusals: self.refusals, approvals: self.approvals).add(to: group)
        RuleRoutes(seat: self.seat).add(to: group)
        AuditRoutes(seat: self.seat, hasApprovals: self.approvals.isOn).add(to: group)
        PlanRoute().add(to: group)
        self.approvals.add(to: group)
        self.addQuota(to: group)
        self.addConfig(to: group)
    }

    private func addQuota(to group: RouterGroup<TrancheContext>) {
        group.get("quota") { _, _ in Response.json(try await self.center.quota()) }
        group.post("quota/moves") { request, _ in
            let body = try await request.document(MoveBody.self)
            let detail = "lot \(body.lot): \(body.quantity) from \(body.from) to \(body.to)"
            let made = try await self.center.command(
                actor: request.actor, action: "move", detail: detail, key: try request.idempotencyKey,
                about: .lot(body.lot), tell: [body.from]
            ) { (authority, _) throws(AuthorityError) in
                try authority.move(body.lot, from: body.from, to: body.to, quantity: body.quantity)
            }
            if let made { return Response.json(made, status: .accepted) }
            let known = try await self.center.keeper.perform { authority, _ in
                authority.moves.last {
                    $0.lot == body.lot && $0.from == body.from && $0.to == body.to && $0.asked == body.quantity
                }
            }
            guard let known else {
                throw Problem(
                    status: 409, code: "done_before",
                    detail:
                        "the move with this key was asked for before, and the center has restarted since: see the quota"
                )
            }
            return Response.json(known, status: .accepted)
        }
        group.get("quota/moves/:move") { _, context in
            let id = context.parameters.get("move").flatMap { UInt64($0) } ?? 0
            let move = try await self.center.keeper.perform { authority, _ in authority.moves.first { $0.id == id } }
            guard let move else {
                throw Problem(
                    status: 404, code: "unknown_move", detail: "move \(id) is not known; the center may have restarted")
            }
            return Response.json(move)
        }
        group.post("lots/:lot/freeze") { request, context in
            let lot = try context.lot()
            let frozen = try await request.document(FreezeBody.self).frozen
            try await self.center.command(
                actor: request.actor, action: "freeze", detail: "lot \(lot): \(frozen)",
                key: try request.idempotencyKey, about: .lot(lot), tell: []
            ) { (authority, records) throws(AuthorityError) in
                try authority.setFrozen(lot, frozen, into: &records)
            }
            return Response.json(try await self.center.quota())
        }
        group.post("quota/settle") { request, _ in
            let body = try await request.document(SettleBody.self)
            let seen = try await self.center.keeper.perform { authority, _ in
                ProposedAct.AccountSeen(authority.book.account(body.lot, body.unit, body.generation))
            }
            let act = ProposedAct.settleQuota(body.lot, body.unit, body.generation, sold: body.sold, seen: seen)
            if let held = try await self.approvals.hold(act, request) { return held }
            try await self.center.settle(body, actor: request.actor, key: try request.idempotencyKey)
            return Response.json(try await self.center.quota())
        }
        group.get("units") { _, _ in Response.json(try await self.center.units()) }
        group.post("units/:unit/:action") { request, context in
            let action = context.parameters.get("action") ?? ""
            let unit = try context.unitNumber()
            let bytes = try await request.bytes(limit: 4 << 10)
            let onlySilent = try bytes.isEmpty ? nil : JSON.decode(UnitBody.self, from: bytes).onlySilent
            if action == "remove" {
                try await self.center.remove(unit, actor: request.actor, key: try request.idempotencyKey)
                return Response.json(try await self.center.units())
            }
            guard ["drain", "undrain", "strand"].contains(action) else {
                throw Problem(
                    status: 404, code: "unknown_action",
                    detail: "\"\(action.prefix(20))\" is none of: drain, undrain, strand, remove")
            }
            let since = try self.center.leadingSince
            try await self.center.command(
                actor: request.actor, action: action, detail: "unit \(unit)", key: try request.idempotencyKey,
                about: .unit(unit), tell: [unit]
            ) { (authority, records) throws(AuthorityError) in
                // In one step with the act: the unit may have come back since somebody looked.
                if action == "strand", onlySilent == true {
                    try authority.checkSilent(unit, leadingSince: since, now: SystemClock.monotonic())
                }
                switch action {
                case "drain": try authority.setDrained(unit, true, into: &records)
                case "undrain": try authority.setDrained(unit, false, into: &records)
                case "strand": try authority.strand(unit, reason: "declared lost by an operator", into: &records)
                default: throw .unknownUnit(unit)
                }
            }
            return Response.json(try await self.center.units())
        }
    }

    private func addConfig(to group: RouterGroup<TrancheContext>) {
        group.get("config") { _, _ in
            let push = try await self.center.book.push
            return Response.json(push, headers: [.eTag: "\"\(push.version)\""])
        }
        group.get("config/rollout") { _, _ in Response.json(try await self.center.book.rolloutDocument) }
        group.get("config/versions") { _, _ in
            Response.json(
                try self.center.keeper.store.configVersions().map {
                    ConfigVersionDocument(
                        version: $0.version, checksum: $0.checksum, at: $0.at, actor: $0.actor, note: $0.note)
                })
        }
        group.post("config/rollback") { request, _ in
            let expected = try request.expectedVersion()
            let version = try await request.document(RollbackBody.self).version
            guard let old = try self.center.keeper.store.config(version: version) else {
                throw Problem(status: 404, code: "unknown_version", detail: "there is no version \(version)")
            }
            let content = try JSON.decode(SaleConfig.self, from: old.content)
            let push = try await self.center.change(
                .rollback, expected: expected, actor: request.actor, note: "rules of version \(version)",
                act: try request.act("rules of version \(version)")
            ) { $0 = $0.withRules(of: content) }
            return Response.json(push, headers: [.eTag: "\"\(push.version)\""])
        }
    }
}

extension Request {
    /// The key by which a repetition of this request is recognised; `nil` if the caller sent none.
    var idempotencyKey: String? {
        get throws(Problem) {
            guard let name = HTTPField.Name("Idempotency-Key"), let key = self.headers[name] else { return nil }
            guard (1...64).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw Problem(
                    status: 400, code: "bad_key", detail: "Idempotency-Key must be 1...64 printable ASCII characters")
            }
            return key
        }
    }

    /// An act that changes the configuration.
    func act(_ what: String) throws(Problem) -> OperatorAct? {
        try self.idempotencyKey.map { OperatorAct(key: $0, what: what) }
    }

    /// The name of the operator, for the audit trail: who they proved to be. The header is only what they add.
    var actor: String {
        let name = Operator.current?.name ?? "unknown"
        guard let said = self.saidActor, said != name else { return name }
        return "\(name) for \(said)"
    }

    /// What the caller says of themselves, which proves nothing.
    var saidActor: String? {
        HTTPField.Name("X-Tranche-Actor").flatMap { self.headers[$0] }.map { String($0.prefix(64)) }
            .flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The version in `If-Match`. Changes of what exists require it.
    func expectedVersion() throws(Problem) -> Int {
        guard let field = self.headers[.ifMatch] else {
            throw Problem(
                status: 428, code: "precondition_required", detail: "send If-Match with the ETag that you have seen")
        }
        let tag = field.trimmingPrefix("W/")
        guard tag.count > 2, tag.first == "\"", tag.last == "\"", let version = Int(tag.dropFirst().dropLast()) else {
            throw Problem(
                status: 400, code: "bad_if_match",
                detail: "If-Match \"\(field.prefix(40))\" is not a version; expected a number in quotes, as in \"7\"")
        }
        return version
    }
}
