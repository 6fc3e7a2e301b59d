import DaemonSupport
import HTTPTypes
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// What operators can ask of the center: behind the admin credential.
struct AdminRoutes {
    let center: Center

    func add(to group: RouterGroup<TrancheContext>) {
        self.addSales(to: group)
        self.addQuota(to: group)
        self.addConfig(to: group)
    }

    private func addSales(to group: RouterGroup<TrancheContext>) {
        group.get("sales") { _, _ in Response.json(await self.center.book.config.sales) }
        group.post("sales") { request, _ in
            let sale = try await request.document(SaleConfig.Sale.self)
            guard sale.state == .draft else {
                throw Problem.invalidConfig("a new sale is a draft, not \(sale.state.rawValue)")
            }
            let hash = try self.center.drawSecret(sale: sale.id)
            try await self.center.change(expected: nil, actor: request.actor, note: "create \(sale.id)") {
                (config) throws(Problem) in
                guard !config.sales.contains(where: { $0.id == sale.id }) else {
                    throw Problem(status: 409, code: "sale_exists", detail: "there is a sale \"\(sale.id)\" already")
                }
                var made = sale
                made.tieKeyHash = hash
                (made.tieKey, made.homes, made.planned) = (nil, nil, nil)
                config.sales.append(made)
            }
            return try await self.sale(sale.id, status: .created)
        }
        group.get("sales/:sale") { _, context in try await self.sale(context.parameters.get("sale") ?? "") }
        group.put("sales/:sale") { request, context in
            let id = context.parameters.get("sale") ?? ""
            let sale = try await request.document(SaleConfig.Sale.self)
            try await self.center.change(
                expected: try request.expectedVersion(), actor: request.actor, note: "edit \(id)"
            ) { (config) throws(Problem) in
                guard let place = config.sales.firstIndex(where: { $0.id == id }) else { throw Center.unknownSale(id) }
                guard sale.id == id, sale.state == config.sales[place].state,
                    sale.lots == config.sales[place].lots || sale.state == .draft
                else {
                    throw Problem.invalidConfig("id, state and, after the draft, lots of a sale cannot be edited")
                }
                var edited = sale
                (edited.tieKeyHash, edited.tieKey) = (config.sales[place].tieKeyHash, config.sales[place].tieKey)
                (edited.homes, edited.planned) = (config.sales[place].homes, config.sales[place].planned)
                config.sales[place] = edited
            }
            return try await self.sale(id)
        }
        group.post("sales/:sale/:step") { request, context in
            let (id, name) = (context.parameters.get("sale") ?? "", context.parameters.get("step") ?? "")
            guard let step = SaleState.Step(rawValue: name) else {
                let all = SaleState.Step.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(status: 404, code: "unknown_step", detail: "\"\(name.prefix(20))\" is none of: \(all)")
            }
            let bytes = try await request.bytes(limit: 4 << 10)
            let options = bytes.isEmpty ? OpenBody() : try JSON.decode(OpenBody.self, from: bytes)
            let document = try await self.center.step(
                step, sale: id, expected: try request.expectedVersion(), actor: request.actor, options)
            return Response.json(document, headers: [.eTag: "\"\(document.version)\""])
        }
        group.post("lots/:lot/stock") { request, context in
            let lot = try context.lot()
            let add = try await request.document(StockBody.self).add
            try await self.center.command(
                actor: request.actor, action: "stock", detail: "lot \(lot): +\(add)", tell: []
            ) { (authority, records) throws(AuthorityError) in
                guard authority.book.lots[lot] != nil else { throw .unknownLot(lot) }
                try authority.issue(lot, quantity: add, into: &records)
            }
            return Response.json(try await self.center.quota())
        }
    }

    private func sale(_ id: String, status: HTTPResponse.Status = .ok) async throws -> Response {
        let document = try await self.center.sale(id)
        return .json(document, status: status, headers: [.eTag: "\"\(document.version)\""])
    }

    private func addQuota(to group: RouterGroup<TrancheContext>) {
        group.get("quota") { _, _ in Response.json(try await self.center.quota()) }
        group.post("quota/moves") { request, _ in
            let body = try await request.document(MoveBody.self)
            let detail = "lot \(body.lot): \(body.quantity) from \(body.from) to \(body.to)"
            let move = try await self.center.command(
                actor: request.actor, action: "move", detail: detail, tell: [body.from]
            ) { (authority, _) throws(AuthorityError) in
                try authority.move(body.lot, from: body.from, to: body.to, quantity: body.quantity)
            }
            return Response.json(move, status: .accepted)
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
                actor: request.actor, action: "freeze", detail: "lot \(lot): \(frozen)", tell: []
            ) { (authority, records) throws(AuthorityError) in
                try authority.setFrozen(lot, frozen, into: &records)
            }
            return Response.json(try await self.center.quota())
        }
        group.post("quota/settle") { request, _ in
            let body = try await request.document(SettleBody.self)
            let detail = "lot \(body.lot), unit \(body.unit), generation \(body.generation.rawValue): sold \(body.sold)"
            try await self.center.command(actor: request.actor, action: "settle", detail: detail, tell: []) {
                (authority, records) throws(AuthorityError) in
                try authority.settle(body.lot, body.unit, body.generation, sold: body.sold, into: &records)
            }
            return Response.json(try await self.center.quota())
        }
        group.get("units") { _, _ in Response.json(try await self.center.units()) }
        group.post("units/:unit/:action") { request, context in
            let action = context.parameters.get("action") ?? ""
            guard let unit = context.parameters.get("unit").flatMap({ UInt16($0) }).map({ UnitID($0) }) else {
                throw Problem(
                    status: 404, code: "unknown_unit",
                    detail: "\"\(context.parameters.get("unit") ?? "")\" is no unit number")
            }
            try await self.center.command(actor: request.actor, action: action, detail: "unit \(unit)", tell: [unit]) {
                (authority, records) throws(AuthorityError) in
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
            let push = await self.center.book.push
            return Response.json(push, headers: [.eTag: "\"\(push.version)\""])
        }
        group.get("config/rollout") { _, _ in Response.json(await self.center.book.rollout) }
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
                expected: expected, actor: request.actor, note: "rollback to \(version)"
            ) { $0 = content }
            return Response.json(push, headers: [.eTag: "\"\(push.version)\""])
        }
        group.get("audit") { _, _ in Response.json(try self.center.keeper.store.auditTrail()) }
    }
}

extension RequestContext {
    func lot() throws(Problem) -> LotID {
        guard let number = self.parameters.get("lot").flatMap({ UInt32($0) }) else {
            throw Problem(
                status: 404, code: "unknown_lot", detail: "\"\(self.parameters.get("lot") ?? "")\" is no lot number")
        }
        return LotID(number)
    }
}

extension Request {
    /// Who acts, for the audit trail.
    var actor: String {
        HTTPField.Name("X-Tranche-Actor").flatMap { self.headers[$0] }.map { String($0.prefix(64)) } ?? "admin"
    }

    /// The version of `If-Match`, without which nothing that exists is changed.
    func expectedVersion() throws(Problem) -> Int {
        guard let field = self.headers[.ifMatch] else {
            throw Problem(
                status: 428, code: "precondition_required", detail: "send If-Match with the ETag that you have seen")
        }
        let tag = field.trimmingPrefix("W/")
        guard tag.count > 2, tag.first == "\"", tag.last == "\"", let version = Int(tag.dropFirst().dropLast()) else {
            throw Problem(status: 400, code: "bad_if_match", detail: "If-Match \"\(field.prefix(40))\" is no version")
        }
        return version
    }
}
