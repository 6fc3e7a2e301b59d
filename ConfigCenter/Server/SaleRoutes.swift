import DaemonSupport
import HTTPTypes
import Hummingbird
import Storage
import TrancheAPI
import TrancheCore

/// The routes for operators' work with sales.
struct SaleRoutes {
    let seat: CenterSeat
    let refusals: RefusalLog
    let approvals: ApprovalRoutes
    private var center: Center { get throws(Problem) { try self.seat.center } }

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("sales") { _, _ in Response.json(try await self.center.book.config.sales) }
        group.post("sales") { request, _ in try await self.create(request) }
        group.get("sales/:sale") { _, context in try await self.document(context.sale) }
        group.put("sales/:sale") { request, context in try await self.edit(context.sale, request) }
        group.delete("sales/:sale") { request, context in
            let id = context.sale
            try await self.center.delete(
                id, expected: try request.expectedVersion(), actor: request.actor, act: try request.act("delete \(id)"))
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
            if step == .open, options.force == true { try await self.refusals.check(.forceOpen, request) }
            let version = try request.expectedVersion()
            if let act = ProposedAct(step, of: id, version: version),
                let held = try await self.approvals.hold(act, request)
            {
                return held
            }
            let document = try await self.center.step(
                step, sale: id, expected: version, actor: request.actor,
                act: try request.act("\(name) \(id)"), options)
            return Response.json(document, headers: [.eTag: "\"\(document.version)\""])
        }
        group.put("sales/:sale/blocked/:buyer") { request, context in try await self.block(request, context, true) }
        group.delete("sales/:sale/blocked/:buyer") { request, context in try await self.block(request, context, false) }
        group.post("sales/:sale/revocations") { request, context in try await self.revoke(request, context.sale) }
        group.put("sales/:sale/holds/:step") { request, context in try await self.hold(request, context, true) }
        group.delete("sales/:sale/holds/:step") { request, context in try await self.hold(request, context, false) }
        group.put("sales/:sale/units/:unit") { request, context in
            let unit = try context.unitNumber()
            try await self.center.add(unit, to: context.sale, actor: request.actor, key: try request.idempotencyKey)
            return try await self.document(context.sale)
        }
        group.get("sales/:sale/second-rounds/:next") { _, context in
            Response.json(try await self.center.secondRound(of: context.sale, to: context.nextSale))
        }
        group.put("sales/:sale/second-rounds/:next") { request, context in
            let bytes = try await request.bytes(limit: 4 << 10)
            let body = bytes.isEmpty ? SecondRoundBody() : try JSON.decode(SecondRoundBody.self, from: bytes)
            let document = try await self.center.carry(
                context.sale, to: context.nextSale, body, actor: request.actor, key: try request.idempotencyKey)
            return Response.json(document)
        }
        group.post("lots/:lot/stock") { request, context in
            let add = try await request.document(StockBody.self).add
            let (lot, key, center) = (try context.lot(), try request.idempotencyKey, try self.center)
            if self.approvals.isOn, let held = try await self.hold(add, to: lot, key: key, request) { return held }
            let approvals = self.approvals
            try await self.refusals.judge(request) { (check) async throws(Problem) in
                try await center.addStock(add, to: lot, actor: request.actor, key: key) { (kind) throws(Problem) in
                    try check(kind)
                    try approvals.checkAlone(kind)
                }
            }
            return Response.json(try await self.center.quota())
        }
    }

    /// - Returns: The answer with the proposal, if so much stock is an act for two; `nil` otherwise.
    private func hold(
        _ add: Int, to lot: LotID, key: String?, _ request: Request
    ) async throws(Problem) -> Response? {
        let done = key.map { OperatorAct(key: $0, what: "stock: lot \(lot): +\(add)") }
        if let done, try self.center.keeper.isDone(done) { return nil }
        let (kind, issued) = try await self.center.addition(add, to: lot)
        guard kind.isForTwo else { return nil }
        try await self.refusals.check(kind, request)
        return try await self.approvals.hold(.addStock(lot, add: add, issued: issued), request)
    }

    private func block(_ request: Request, _ context: TrancheContext, _ isBlocked: Bool) async throws -> Response {
        let (id, text) = (context.sale, context.parameters.get("buyer") ?? "")
        guard let buyer = BuyerID(text) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "\"\(text.prefix(64))\" is not a buyer: expected \(BuyerID.rule)")
        }
        try await self.center.change(
            .buyersBlocked, actor: request.actor, note: "\(isBlocked ? "block" : "unblock") \(buyer) in \(id)",
            act: try request.act("\(isBlocked ? "block" : "unblock") \(buyer) in \(id)")
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.sales[index] = try config.sales[index].blocking(buyer, isBlocked)
        }
        return try await self.document(id)
    }

    private func hold(_ request: Request, _ context: TrancheContext, _ isHeld: Bool) async throws -> Response {
        let (id, name) = (context.sale, context.parameters.get("step") ?? "")
        guard let step = SaleSchedule.Step(rawValue: name) else {
            let all = SaleSchedule.Step.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(
                status: 404, code: "unknown_step",
                detail: "\"\(name.prefix(20))\" is no step of a schedule: none of \(all)")
        }
        let what = "\(isHeld ? "hold" : "release") \(name) of \(id)"
        try await self.center.hold(step, of: id, isHeld, actor: request.actor, act: try request.act(what))
        return try await self.document(id)
    }

    private func revoke(_ request: Request, _ id: String) async throws -> Response {
        try await self.center.change(
            .tokensRevoked, expected: try request.expectedVersion(), actor: request.actor,
            note: "revoke the tokens of \(id)", act: try request.act("revoke the tokens of \(id)")
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.sales[index] = try config.sales[index].revokingTokens()
        }
        return try await self.document(id)
    }

    private func create(_ request: Request) async throws -> Response {
        let sale = try await request.document(SaleConfig.Sale.self)
        try sale.checkNew()
        let act = try request.act("create \(sale.id)")
        if let act, try self.center.keeper.isDone(act) { return try await self.document(sale.id) }
        try sale.checkLines(now: SystemClock.now())
        let tieKeyHash = try self.center.drawSecret(sale: sale.id)
        let drawHash = try self.center.makeDrawSeed(sale: sale.id)
        try await self.center.change(.saleCreated, actor: request.actor, note: "create \(sale.id)", act: act) {
            (config) throws(Problem) in
            guard !config.sales.contains(where: { $0.id == sale.id }) else {
                throw Problem(status: 409, code: "sale_exists", detail: "there is a sale \"\(sale.id)\" already")
            }
            try config.checkContests(of: sale)
            config.sales.append(sale.created(tieKeyHash: tieKeyHash, drawHash: drawHash))
        }
        return try await self.document(sale.id, status: .created)
    }

    private func edit(_ id: String, _ request: Request) async throws -> Response {
        let sale = try await request.document(SaleConfig.Sale.self)
        let before = try await self.center.book.config.sales.first { $0.id == id }
        try await self.center.change(
            .saleEdited(isPressing: before.map { sale.lowersLimits(of: $0) || sale.turnsSwitches(of: $0) } ?? false),
            expected: try request.expectedVersion(), actor: request.actor, note: "edit \(id)",
            // The act does not contain the document: a repetition counts its times from a later moment, and means the
            // same.
            act: try request.act("edit \(id)")
        ) { (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            let before = config.sales[index]
            config.sales[index] = try before.edited(to: sale)
            if !sale.hasSameStock(as: before) { try config.checkContests(of: config.sales[index]) }
        }
        return try await self.document(id)
    }

    private func document(_ id: String, status: HTTPResponse.Status = .ok) async throws -> Response {
        let document = try await self.center.sale(id)
        return .json(document, status: status, headers: [.eTag: "\"\(document.version)\""])
    }
}

extension ProposedAct {
    /// `nil` for a step that one person takes.
    fileprivate init?(_ step: SaleState.Step, of sale: String, version: Int) {
        switch step {
        case .close: self = .close(sale: sale, version: version)
        case .settle: self = .settle(sale: sale, version: version)
        case .warm, .open, .pause, .resume: return nil
        }
    }
}

extension RequestContext {
    fileprivate var sale: String { self.parameters.get("sale") ?? "" }
    fileprivate var nextSale: String { self.parameters.get("next") ?? "" }
}

extension RequestContext {
    func unitNumber() throws(Problem) -> UnitID {
        let text = self.parameters.get("unit") ?? ""
        guard let number = UInt16(text) else {
            throw Problem(
                status: 404, code: "unknown_unit",
                detail: "\"\(text.prefix(20))\" is not a unit number; expected 1 to \(UInt16.max)")
        }
        return UnitID(number)
    }
}
