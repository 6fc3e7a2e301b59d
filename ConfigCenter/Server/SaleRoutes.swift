import DaemonSupport
import HTTPTypes
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// What operators can do with sales.
struct SaleRoutes {
    let center: Center

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("sales") { _, _ in Response.json(await self.center.book.config.sales) }
        group.post("sales") { request, _ in try await self.create(request) }
        group.get("sales/:sale") { _, context in try await self.document(context.sale) }
        group.put("sales/:sale") { request, context in try await self.edit(context.sale, request) }
        group.delete("sales/:sale") { request, context in
            let id = context.sale
            try await self.center.change(
                expected: try request.expectedVersion(), actor: request.actor, note: "delete \(id)",
                act: try request.act("delete \(id)")
            ) { (config) throws(Problem) in
                guard let place = config.sales.firstIndex(where: { $0.id == id }) else { throw Center.unknownSale(id) }
                guard config.sales[place].state == .draft else {
                    throw Problem(
                        status: 409, code: "wrong_state",
                        detail: "sale \(id) is \(config.sales[place].state.rawValue): only a draft can be deleted")
                }
                config.sales.remove(at: place)
            }
            return Response(status: .noContent)
        }
        group.post("sales/:sale/:step") { request, context in
            let (id, name) = (context.sale, context.parameters.get("step") ?? "")
            guard let step = SaleState.Step(rawValue: name) else {
                let all = SaleState.Step.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(status: 404, code: "unknown_step", detail: "\"\(name.prefix(20))\" is none of: \(all)")
            }
            let bytes = try await request.bytes(limit: 4 << 10)
            let options = bytes.isEmpty ? OpenBody() : try JSON.decode(OpenBody.self, from: bytes)
            let document = try await self.center.step(
                step, sale: id, expected: try request.expectedVersion(), actor: request.actor,
                act: try request.act("\(name) \(id)"), options)
            return Response.json(document, headers: [.eTag: "\"\(document.version)\""])
        }
        group.post("lots/:lot/stock") { request, context in
            let add = try await request.document(StockBody.self).add
            try await self.center.addStock(
                add, to: try context.lot(), actor: request.actor, key: try request.idempotencyKey)
            return Response.json(try await self.center.quota())
        }
    }

    private func create(_ request: Request) async throws -> Response {
        let sale = try await request.document(SaleConfig.Sale.self)
        guard sale.state == .draft else {
            throw Problem.invalidConfig("a new sale is a draft, not \(sale.state.rawValue)")
        }
        let act = try request.act("create \(sale.id)")
        if let act, try self.center.keeper.isDone(act) { return try await self.document(sale.id) }
        let hash = try self.center.drawSecret(sale: sale.id)
        try await self.center.change(expected: nil, actor: request.actor, note: "create \(sale.id)", act: act) {
            (config) throws(Problem) in
            guard !config.sales.contains(where: { $0.id == sale.id }) else {
                throw Problem(status: 409, code: "sale_exists", detail: "there is a sale \"\(sale.id)\" already")
            }
            var made = sale
            made.tieKeyHash = hash
            (made.tieKey, made.homes, made.planned) = (nil, nil, nil)
            for place in made.lots.indices { made.lots[place].added = nil }
            config.sales.append(made)
        }
        return try await self.document(sale.id, status: .created)
    }

    /// After the draft only names, times and limits of buyers change: a limit that was lowered counts for orders from then on.
    private func edit(_ id: String, _ request: Request) async throws -> Response {
        let sale = try await request.document(SaleConfig.Sale.self)
        let before = await self.center.book.config.sales.first { $0.id == id }
        try await self.center.change(
            expected: try request.expectedVersion(), actor: request.actor, note: "edit \(id)",
            // Not the whole document: a repetition counts its times from a later moment, and means the same.
            act: try request.act("edit \(id)"),
            isUrgent: before.map { sale.lowersLimits(of: $0) } ?? false
        ) { (config) throws(Problem) in
            guard let place = config.sales.firstIndex(where: { $0.id == id }) else { throw Center.unknownSale(id) }
            let known = config.sales[place]
            guard sale.id == id, sale.state == known.state, sale.hasSameStock(as: known) || sale.state == .draft else {
                throw Problem.invalidConfig(
                    "after the draft only names, times and limits of buyers can be edited, not the id, the state or the lots"
                )
            }
            var edited = sale
            (edited.tieKeyHash, edited.tieKey) = (known.tieKeyHash, known.tieKey)
            (edited.homes, edited.planned) = (known.homes, known.planned)
            for place in edited.lots.indices {
                edited.lots[place].added = known.lots.first { $0.id == edited.lots[place].id }?.added
            }
            config.sales[place] = edited
        }
        return try await self.document(id)
    }

    private func document(_ id: String, status: HTTPResponse.Status = .ok) async throws -> Response {
        let document = try await self.center.sale(id)
        return .json(document, status: status, headers: [.eTag: "\"\(document.version)\""])
    }
}

extension RequestContext {
    fileprivate var sale: String { self.parameters.get("sale") ?? "" }
}
