import CurlClient
import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Orders by forms: a form cannot carry a token to a unit, so the gate carries it. It decides nothing about the order.

extension PlainRoutes {
    private static let timeoutMilliseconds = 3_000
    private static let answerBytes = 16 << 10

    func order(_ visit: PlainVisit, _ asker: Gatehouse.Asker, _ form: FormBody) async throws(Problem) -> PlainPage {
        try self.judge(visit, asker)
        guard var token = form["token"], token.utf8.count <= 512, token.utf8.allSatisfy({ (33...126).contains($0) })
        else { throw Problem(status: 400, code: "bad_request", detail: "the field token is missing or malformed") }
        guard let quantity = form["quantity"].flatMap({ Int($0) }), (1...10_000).contains(quantity) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "the quantity \"\(form["quantity"]?.prefix(20) ?? "")\" is not in \(1...10_000)")
        }
        var unit = try self.unit(form["unit"])
        for turn in 0...Limits.referrals {
            let response = try await self.call(
                "POST", unit, "/v1/lots/\(visit.lot.id)/orders", ["Authorization": "Bearer \(token)"],
                JSON.encode(BuyBody(quantity: quantity)))
            if (200...202).contains(response.status),
                let order = try? JSON.decode(OrderDocument.self, from: response.body)
            {
                return self.page(visit, order, unit)
            }
            let problem = UnitCalls.problem(response)
            guard response.status == 421, turn < Limits.referrals, let location = problem.location else {
                throw problem
            }
            // Another unit is the buyer's home.
            token = problem.token ?? token
            unit = try self.house.unit(at: location)
        }
        throw self.house.refused(.recovering(retryAfterMilliseconds: 1_000))
    }

    func look(
        _ visit: PlainVisit, _ asker: Gatehouse.Asker, _ order: String?, _ unit: String?
    ) async throws(Problem) -> PlainPage {
        try self.judge(visit, asker)
        let unit = try self.unit(unit)
        guard let order, let id = OrderID(hex: order) else {
            throw Problem(
                status: 400, code: "bad_request", detail: "\"\(order?.prefix(40) ?? "")\" is not an order's number")
        }
        let response = try await self.call("GET", unit, "/v1/orders/\(id)", [:], nil)
        guard response.status == 200, let document = try? JSON.decode(OrderDocument.self, from: response.body) else {
            throw UnitCalls.problem(response)
        }
        return self.page(visit, document, unit)
    }

    /// Each call to a unit counts as a request of the buyer.
    private func judge(_ visit: PlainVisit, _ asker: Gatehouse.Asker) throws(Problem) {
        let (lot, now) = (visit.lot.id, SystemClock.now())
        let refusal = self.house.machine.withLockedValue { machine -> GateRefusal?? in
            machine.judgeChallenge(
                asker.caller, lot, keys: asker.keys, now: now, steady: SystemClock.monotonic(),
                draw: asker.draw(now: now), as: .ownOrder)
        }
        guard let refusal else { throw self.house.unknownLot(lot) }
        // An order of a sale that has ended can still be looked at.
        if let refusal, refusal != .ended { throw self.house.refused(refusal) }
    }

    /// The field of a form is anybody's: a gate calls the units of its configuration only.
    private func unit(_ address: String?) throws(Problem) -> String {
        let units = self.house.setting.withLockedValue { $0.config.units.map(\.publicURL) }
        guard let address, units.contains(address) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "\"\(address?.prefix(100) ?? "")\" is not the address of a unit")
        }
        return address
    }

    private func call(
        _ method: String, _ unit: String, _ path: String, _ headers: [String: String], _ body: [UInt8]?
    ) async throws(Problem) -> CurlResponse {
        var headers = headers
        if body != nil { headers["Content-Type"] = "application/json" }
        let request = CurlRequest(
            method, unit + path, headers: headers, body: body, timeoutMilliseconds: Self.timeoutMilliseconds,
            bodyLimitBytes: Self.answerBytes)
        switch await self.routes.again.units.send(request, to: unit) {
        case .success(let response): return response
        case .failure(let refusal): throw self.house.refused(refusal)
        }
    }

    private func page(_ visit: PlainVisit, _ order: OrderDocument, _ unit: String) -> PlainPage {
        let address =
            "\(visit.address)/order?"
            + String(decoding: FormBody.encode([("order", "\(order.order)"), ("unit", unit)]), as: UTF8.self)
        let what = "\(order.quantity) × \(visit.lot.name), order \(order.order)"
        let (text, isAlive) = Self.words(order)
        var page = PlainPage(visit.sale.name, [PlainPage.text(what), PlainPage.text(text)])
        if isAlive { (page.refreshSeconds, page.next) = (Int.random(in: 5...8), address) }
        page.parts.append(PlainPage.link(isAlive ? address : visit.address, isAlive ? "Look again" : "Go back"))
        return page
    }

    private static func words(_ order: OrderDocument) -> (text: String, isAlive: Bool) {
        let end = order.deadlineMicroseconds.map { " until \(JSON.text($0))" } ?? ""
        return switch order.state {
        case "reserved":
            (
                "Reserved for you\(end). Please pay at the shop: this page cannot take a payment, and shows when it has "
                    + "arrived.", true
            )
        case "contested": ("These are the last items: it is being decided who gets them.", true)
        case "waitlisted": ("You are on the waitlist. If an item returns for you, this page shows it.", true)
        case "paid": ("Paid. It is yours.", false)
        case "lost": ("Earlier orders took the last items. You pay nothing.", false)
        default: ("This order has ended (\(order.state)). Nothing was paid.", false)
        }
    }
}
