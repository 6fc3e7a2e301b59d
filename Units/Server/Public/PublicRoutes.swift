import DaemonSupport
import HTTPTypes
import Hummingbird
import Logging
import TrancheAPI
import TrancheCore

/// The routes for buyers and payment providers.
struct PublicRoutes {
    static let buyBytesLimit = 4 << 10
    static let paymentBytesLimit = 16 << 10
    /// The longest body that any public address takes.
    static let bodyBytes = 16 << 10

    let gate: TokenGate
    let signatures: Derived<PaymentSignature>
    let region: String
    let watch: OrderWatch

    func add(to router: Router<TrancheContext>) {
        router.post("/v1/lots/:lot/orders") { request, context in try await self.buy(request, context) }
        router.get("/v1/lots/:lot") { _, context in try self.lot(context) }
        router.get("/v1/orders/:order") { _, context in try self.order(context) }
        router.get("/v1/orders/:order/events") { _, context in try self.events(context) }
        router.post("/v1/orders/:order/cancel") { request, context in try await self.cancel(request, context) }
        router.post("/v1/payments/callback") { request, _ in try await self.pay(request) }
    }

    private func orderID(_ context: TrancheContext) throws(Problem) -> OrderID {
        let text = context.parameters.get("order") ?? ""
        guard let id = OrderID(hex: text) else {
            throw Problem(
                status: 404, code: "unknown_order",
                detail: "\"\(text.prefix(40))\" is not an order id; expected 32 hexadecimal digits")
        }
        return id
    }

    private func buy(_ request: Request, _ context: TrancheContext) async throws -> Response {
        let lot = try context.lot()
        guard let token = request.bearer else { throw self.gate.problem(.missing) }
        let bytes = try await request.bytes(limit: Self.buyBytesLimit)
        let body = bytes.isEmpty ? BuyBody(quantity: 1) : try JSON.decode(BuyBody.self, from: bytes)
        let quantity = body.quantity ?? 1
        guard (1...Limits.quantityPerOrder).contains(quantity) else {
            throw Problem(Refusal.invalidQuantity(quantity, limit: Limits.quantityPerOrder))
        }
        let began = SystemClock.monotonic()
        let answer = try await self.answer {
            (resume: @escaping @Sendable (Answer) -> Void) throws(Problem) -> Intake.Submission in
            try self.gate.buy(lot: lot, token: token, quantity: quantity, reference: body.reference) {
                self.gate.waiters.add(resume)
            }
        }
        self.gate.meters.shared.observePurchase(
            answer, microseconds: SystemClock.monotonic().microseconds - began.microseconds)
        if case .refused(.referred(let unit)) = answer {
            let claims: PurchaseToken
            do { claims = try self.gate.codec.open(token) } catch { throw self.gate.problem(error) }
            throw self.gate.referral(claims, to: unit)
        }
        return try self.response(answer)
    }

    /// Waits for the engine, unless `start` has the answer at once.
    private func answer(
        _ start: @escaping (@escaping @Sendable (Answer) -> Void) throws(Problem) -> Intake.Submission
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            do {
                switch try start({ continuation.resume(returning: $0) }) {
                case .queued: break
                case .answered(let answer): continuation.resume(returning: answer)
                }
            } catch { continuation.resume(throwing: error) }
        }
    }

    private func response(_ answer: Answer) throws(Problem) -> Response {
        switch answer {
        case .order(let order): self.response(order, status: OrderDocument.status(of: order))
        case .refused(let refusal): throw Problem(refusal)
        }
    }

    private func response(_ order: Order, status: Int) -> Response {
        var headers: HTTPFields = [
            .contentType: "application/json", .location: "/v1/orders/\(order.id)", .cacheControl: "no-store",
        ]
        if order.state == .contested { headers[.retryAfter] = "1" }
        return Response(
            status: .init(code: status), headers: headers,
            body: .init(
                byteBuffer: ByteBuffer(
                    string: OrderDocument.json(order, self.gate.intake.waitlistPosition(of: order.id)))))
    }

    private func order(_ context: TrancheContext) throws -> Response {
        let id = try self.orderID(context)
        let order: Order
        do { order = try self.gate.intake.order(id).get() } catch { throw Problem(error) }
        switch Answer(order) {
        case .order(let order): return self.response(order, status: 200)
        case .refused(let refusal): throw Problem(refusal)
        }
    }

    /// The answer instead of a stream that an operator has switched off.
    private static let eventsAreOff = Problem(
        status: 503, code: "overloaded", detail: "events are switched off for this sale: read the order instead",
        retryAfter: 5)

    /// Server-sent events (WHATWG HTML, section 9.2): one event per change of the order, until it has its answer, or until
    /// an operator switches the events of its sale off.
    private func events(_ context: TrancheContext) throws -> Response {
        let id = try self.orderID(context)
        let (intake, file) = (self.gate.intake, self.gate.file)
        let lot: LotID
        do { lot = try intake.order(id).get().lot } catch { throw Problem(error) }
        guard file.hasEvents(lot) else { throw Self.eventsAreOff }
        if let refusal = intake.admitOrShed(.events) { throw Problem(refusal) }
        guard let changes = self.watch.changes(of: id) else {
            throw Problem(Refusal.overloaded(limit: OrderWatch.streamsPerOrder))
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var last = Self.event(intake, id)
                try await writer.write(last)
                if Self.isContested(intake, id) {
                    for await signal in changes {
                        guard file.hasEvents(lot) else { break }
                        let next = Self.event(intake, id)
                        if next != last {
                            last = next
                            try await writer.write(next)
                        } else if signal == .heartbeat {
                            try await writer.write(ByteBuffer(string: ": still waiting\n\n"))
                        }
                        if !Self.isContested(intake, id) { break }
                    }
                }
                try await writer.finish(nil)
            })
    }

    private static func isContested(_ intake: Intake, _ id: OrderID) -> Bool {
        (try? intake.order(id).get())?.state == .contested
    }

    private static func event(_ intake: Intake, _ id: OrderID) -> ByteBuffer {
        guard let order = try? intake.order(id).get() else { return ByteBuffer() }
        switch Answer(order) {
        case .order(let order):
            return ByteBuffer(
                string: "event: order\ndata: \(OrderDocument.json(order, intake.waitlistPosition(of: id)))\n\n")
        case .refused(let refusal):
            let problem = String(decoding: Problem(refusal).json, as: UTF8.self)
            return ByteBuffer(string: "event: refused\ndata: \(problem)\n\n")
        }
    }

    private func lot(_ context: TrancheContext) throws -> Response {
        let lot = try context.lot()
        if let refusal = self.gate.intake.admitOrShed(.status) { throw Problem(refusal) }
        let reason = self.gate.intake.closedReason(lot, now: SystemClock.now())
        if case .unknownLot = reason { throw Problem(Refusal.unknownLot(lot)) }
        let state = reason.map { Problem($0).code } ?? (self.gate.intake.isSoldOut(lot) ? "sold_out" : "open")
        return .json(LotDocument(lot: lot, state: state, region: self.region), headers: [.cacheControl: "no-store"])
    }

    /// Only the buyer can cancel: the order's purchase token is the proof.
    private func cancel(_ request: Request, _ context: TrancheContext) async throws -> Response {
        let id = try self.orderID(context)
        guard let text = request.bearer else { throw self.gate.problem(.missing) }
        let token: PurchaseToken
        do { token = try self.gate.codec.open(text) } catch { throw self.gate.problem(error) }
        let home: UnitID
        do { home = try self.gate.home(of: token) } catch { throw self.gate.problem(error) }
        guard home == self.gate.unit else { throw self.gate.problem(.wrongUnit(home)) }
        guard token.order == id else {
            throw Problem(
                status: 401, code: "bad_token", detail: "the token is for order \(token.order), not for order \(id)")
        }
        let answer = try await self.answer { resume in
            self.gate.intake.post(.cancel(id, ticket: self.gate.waiters.add(resume)))
            return .queued
        }
        guard case .order(let order) = answer else { return try self.response(answer) }
        return self.response(order, status: 200)
    }

    private func pay(_ request: Request) async throws -> Response {
        let bytes = try await request.bytes(limit: Self.paymentBytesLimit)
        let header = HTTPField.Name(PaymentSignature.header).flatMap { request.headers[$0] }
        try self.signatures.current.check(header, bytes, now: SystemClock.now())
        let notice = try JSON.decode(PaymentBody.self, from: bytes).notice
        let answer = try await self.answer { resume in
            self.gate.intake.post(.payment(notice, ticket: self.gate.waiters.add(resume)))
            return .queued
        }
        guard case .order(let order) = answer else { return try self.response(answer) }
        return self.response(order, status: 200)
    }
}

/// A lot as buyers see it.
struct LotDocument: Codable {
    let lot: LotID
    /// `open`, `sold_out`, or the code of the reason why it is closed.
    let state: String
    let region: String
}
