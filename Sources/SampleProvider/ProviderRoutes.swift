import DaemonSupport
import Foundation
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI
import TrancheCore

/// The addresses of the provider: payments and refunds, its book, and the faults that are asked of it.
struct ProviderRoutes {
    static let bodyBytes = 16 << 10
    /// How long a call waits that is answered by nothing.
    static let silenceSeconds = 120

    let book: ProviderBook
    /// The names of units that can be told of payments.
    let receivers: Set<String>
    let secret: String
    let controlSecret: String
    let faults: NIOLockedValueBox<ProviderFaults>
    let telemetry: Telemetry
    /// Orders that were lied about once.
    private let asked = NIOLockedValueBox<Set<OrderID>>([])

    func add(to router: Router<TrancheContext>) {
        router.post("/v1/payments") { request, _ in
            try await self.serve(request, "pay") { try await self.pay(request, $0) }
        }
        router.get("/v1/payments") { request, _ in
            try await self.serve(request, "query") { try await self.query(request, $0) }
        }
        router.post("/v1/refunds") { request, _ in
            try await self.serve(request, "refund") { try await self.refund(request, $0) }
        }
        router.get("/v1/refunds/:key") { request, context in
            try await self.serve(request, "watch") { try await self.refund(context, $0) }
        }
        router.get("/book") { request, _ in
            try self.check(request, self.secret)
            let after = request.uri.queryParameters.get("after") ?? ""
            return Response.json(try await self.book.page(after: after, now: SystemClock.now()))
        }
        router.get("/book.csv") { request, _ in
            try self.check(request, self.secret)
            return self.export()
        }
        router.get("/faults") { request, _ in
            try self.check(request, self.controlSecret)
            return Response.json(self.faults.withLockedValue { $0 })
        }
        router.put("/faults") { request, _ in
            try self.check(request, self.controlSecret)
            let wanted = try await request.document(ProviderFaults.self, limit: Self.bodyBytes)
            try wanted.check()
            try await self.book.keep(wanted)
            self.faults.withLockedValue { $0 = wanted }
            self.asked.withLockedValue { $0 = [] }
            return Response.json(wanted)
        }
    }

    private func check(_ request: Request, _ secret: String) throws(Problem) {
        guard let bearer = request.bearer, ConstantTime.isEqual(secret.utf8, bearer) else {
            throw Problem(
                status: 401, code: "bad_credential",
                detail: "Authorization: Bearer with TRANCHE_PROVIDER_SECRET is needed here; for /faults, with "
                    + "TRANCHE_SAMPLE_PROVIDER_CONTROL")
        }
    }

    /// A call of `/v1`, with the faults of this moment.
    private func serve(
        _ request: Request, _ call: String, _ answer: (ProviderFaults) async throws -> Response
    ) async throws -> Response {
        self.telemetry.count("tranche_sample_provider_calls_total", "Calls of /v1.", labels: "call=\"\(call)\"")
        try self.check(request, self.secret)
        let faults = self.faults.withLockedValue { $0 }
        if faults.slowMilliseconds > 0 { try await Task.sleep(for: .milliseconds(faults.slowMilliseconds)) }
        switch faults.away {
        case .no: return try await answer(faults)
        case .status: throw Self.away
        case .silence:
            try await Task.sleep(for: .seconds(Self.silenceSeconds))
            throw Self.away
        }
    }

    private static let away = Problem(status: 503, code: "away", detail: "the provider is away", retryAfter: 1)

    private func pay(_ request: Request, _ given: ProviderFaults) async throws -> Response {
        let body = try await request.document(ChargeBody.self, limit: Self.bodyBytes)
        var faults = given
        faults.callbackCopies = body.callbackCopies ?? faults.callbackCopies
        faults.callbackAfterMilliseconds = body.callbackAfterMilliseconds ?? faults.callbackAfterMilliseconds
        try faults.check()
        let key = try ProviderRules.check(key: Self.key(request))
        try ProviderRules.check(amount: body.amount, currency: body.currency)
        if let name = body.callback, !self.receivers.contains(name) {
            throw Problem(
                status: 400, code: "unknown_receiver",
                detail: "\"\(name.prefix(40))\" is none of \(self.receivers.sorted().joined(separator: ", "))")
        }
        let id = PaymentID(
            "sp-" + Hex.text(UInt64.random(in: 0...UInt64.max)) + Hex.text(UInt64.random(in: 0...UInt64.max)))!
        let due = SystemClock.now().advanced(milliseconds: Int64(faults.callbackAfterMilliseconds))
        let (charge, isNew) = try await self.book.charge(
            body, key: key, id: id, copies: faults.callbackCopies, due: due)
        return Response.json(charge, status: isNew ? .created : .ok)
    }

    private func query(_ request: Request, _ faults: ProviderFaults) async throws -> Response {
        let text = request.uri.queryParameters.get("order") ?? ""
        guard let order = OrderID(hex: text) else {
            throw Problem(
                status: 400, code: "invalid_order",
                detail: "order is \"\(text.prefix(40))\", but must be 32 hexadecimal digits")
        }
        switch faults.lies {
        case .no: break
        case .nonsense: return Self.nonsense
        case .unpaid: return Response.json(ChargesDocument(order: order, payments: []))
        case .unpaidFirst:
            let isFirst = self.asked.withLockedValue { $0.insert(order).inserted }
            if isFirst { return Response.json(ChargesDocument(order: order, payments: [])) }
        }
        return Response.json(ChargesDocument(order: order, payments: try await self.book.charges(of: order)))
    }

    private static var nonsense: Response { Response.text("{\"status\":\"fine\"}", type: "application/json") }

    private func refund(_ request: Request, _ faults: ProviderFaults) async throws -> Response {
        let body = try await request.document(RefundBody.self, limit: Self.bodyBytes)
        let key = try ProviderRules.check(key: Self.key(request))
        if let amount = body.amount { try ProviderRules.check(amount: amount, currency: body.currency ?? "") }
        let now = SystemClock.now()
        let (refund, isNew) = try await self.book.refund(
            body, key: key, ends: now.advanced(milliseconds: Int64(faults.refundAfterMilliseconds)),
            fails: faults.refundsFail, now: now)
        if faults.lies == .nonsense { return Self.nonsense }
        return Response.json(refund, status: isNew ? .created : .ok)
    }

    private func refund(_ context: TrancheContext, _ faults: ProviderFaults) async throws -> Response {
        let key = (context.parameters.get("key") ?? "").removingPercentEncoding ?? ""
        if faults.lies == .nonsense { return Self.nonsense }
        guard let refund = try await self.book.refund(key, now: SystemClock.now()) else {
            throw Problem(
                status: 404, code: "unknown_refund", detail: "there is no refund \"\(key.prefix(80))\"")
        }
        return Response.json(refund)
    }

    private static func key(_ request: Request) -> String? {
        HTTPField.Name(ProviderForm.keyHeader).flatMap { request.headers[$0] }
    }

    /// The whole book, a page at a time.
    private func export() -> Response {
        let book = self.book
        return Response(
            status: .ok,
            headers: [.contentType: "text/csv", .contentDisposition: "attachment; filename=\"provider.csv\""],
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(string: ProviderPage.csvTitle))
                var after: String? = ""
                while let last = after {
                    let page = try await book.page(after: last, now: SystemClock.now())
                    try await writer.write(ByteBuffer(string: page.csv))
                    after = page.next
                }
                try await writer.finish(nil)
            })
    }
}

extension ProviderRoutes {
    init(
        book: ProviderBook, receivers: Set<String>, secret: String, controlSecret: String, faults: ProviderFaults,
        telemetry: Telemetry
    ) {
        self.init(
            book: book, receivers: receivers, secret: secret, controlSecret: controlSecret,
            faults: NIOLockedValueBox(faults), telemetry: telemetry)
    }
}
