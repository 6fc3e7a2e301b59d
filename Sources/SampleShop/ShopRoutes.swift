import DaemonSupport
import HTTPTypes
import Hummingbird
import NIOCore
import TrancheAPI
import TrancheCore

/// The addresses of the shop: webhooks of Tranche, buyers who sign in, and the shop's own people, who read the book.
struct ShopRoutes {
    static let signInBytes = 1 << 10

    let check: WebhookCheck
    let book: ShopBook
    let identity: ShopIdentity
    let staffSecret: String
    let telemetry: Telemetry

    func add(to router: Router<TrancheContext>) {
        router.post("/hooks/tranche") { request, _ in try await self.take(request) }
        router.post("/sign-in") { request, _ in
            let name = try await request.document(SignInBody.self, limit: Self.signInBytes).name
            let proof = try self.identity.signIn(name, now: SystemClock.now())
            return Response.json(SignInDocument(proof: proof), status: .created)
        }
        router.get("/keys") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: self.identity.keys)))
        }
        router.get("/book") { request, _ in
            try self.checkStaff(request)
            return Response.json(try await self.book.page(after: request.uri.queryParameters.get("after") ?? ""))
        }
        router.get("/book.csv") { request, _ in
            try self.checkStaff(request)
            return self.export()
        }
    }

    /// One webhook, from the raw request to the answer. Everything but 2xx brings the event again.
    private func take(_ request: Request) async throws -> Response {
        var outcome = ShopOrder.Outcome.refused
        defer {
            self.telemetry.count(
                "tranche_sample_shop_webhooks_total", "Webhooks, by what became of them.",
                labels: "outcome=\"\(outcome.rawValue)\"")
        }
        let body = try await request.bytes(limit: ShopEvent.bodyBytes)
        let id = request.headers[HTTPField.Name("webhook-id")!]
        try self.check.check(
            id: id, timestamp: request.headers[HTTPField.Name("webhook-timestamp")!],
            signature: request.headers[HTTPField.Name("webhook-signature")!], body,
            now: SystemClock.now().milliseconds / 1_000)
        guard let id, let event = try ShopEvent(id: id, body) else {
            // Its id is not kept: a shop that has learnt the type asks for a replay.
            outcome = .ignored
            return Response.json(["outcome": outcome.rawValue])
        }
        outcome = try await self.book.take(event)
        guard outcome != .conflict else {
            throw Problem(status: 409, code: "conflicting_event", detail: "the id \(id) belongs to another event")
        }
        return Response.json(["outcome": outcome.rawValue])
    }

    private func checkStaff(_ request: Request) throws(Problem) {
        guard let bearer = request.bearer, ConstantTime.isEqual(self.staffSecret.utf8, bearer) else {
            throw Problem(
                status: 401, code: "bad_credential",
                detail: "the book needs Authorization: Bearer with TRANCHE_SAMPLE_SHOP_SECRET")
        }
    }

    /// The whole book, a page at a time.
    private func export() -> Response {
        let book = self.book
        return Response(
            status: .ok,
            headers: [.contentType: "text/csv", .contentDisposition: "attachment; filename=\"book.csv\""],
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(string: BookPage.csvTitle))
                var after: String? = ""
                while let last = after {
                    let page = try await book.page(after: last)
                    try await writer.write(ByteBuffer(string: page.csv))
                    after = page.next
                }
                try await writer.finish(nil)
            })
    }
}

private struct SignInBody: Decodable { let name: String }
private struct SignInDocument: Encodable { let proof: String }
