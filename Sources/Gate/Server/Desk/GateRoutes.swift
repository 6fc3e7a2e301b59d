import CurlClient
import DaemonSupport
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import TrancheAPI
import TrancheCore

/// The gate's calls for the ordinary stack: those of the lanes in any other form, the page, and the sign-in for
/// development.
struct GateRoutes {
    static let bodyBytes = TokenBody.byteLimit

    let house: Gatehouse
    let status: StatusPages
    let page: SalePage
    let calls: GateRedisCalls
    let again: AgainCalls
    let dev: DevCalls?

    func add(to router: Router<TrancheContext>) {
        router.get("/v1/sales/:sale/status.json") { _, context in
            let sale = context.parameters.get("sale") ?? ""
            guard let page = self.status.page(sale) else { throw StatusPages.unknown(sale) }
            return Response(
                status: .ok,
                headers: [
                    .contentType: "application/json", .cacheControl: "public, max-age=1",
                    .accessControlAllowOrigin: "*", .eTag: String(decoding: page.tag, as: UTF8.self),
                ], body: .init(byteBuffer: ByteBuffer(bytes: page.body)))
        }
        router.post("/v1/session") { request, context in
            let address = self.address(request, context)
            let document = try Self.withBytes(request.bearer) { bytes throws(Problem) in
                try self.house.openSession(bytes, from: address, now: SystemClock.now())
            }
            return Response.json(document, status: .created, headers: [.cacheControl: "no-store"])
        }
        router.post("/v1/lots/:lot/entry") { request, context in
            let asked = try self.house.entry(
                try self.asker(request, context), lot: try context.lot(), now: SystemClock.now())
            let reply = await self.calls.ask(asked.plan.question)
            return Self.response(self.house.outcome(of: asked, reply, now: SystemClock.now()))
        }
        router.post("/v1/lots/:lot/challenge") { request, context in
            let (asker, lot) = (try self.asker(request, context), try context.lot())
            let body = try await request.bytes(limit: ChallengeBody.byteLimit)
            let kind = try Self.withBytes(body) { bytes throws(Problem) in try ChallengeBody.read(bytes).kind }
            let challenge = try self.house.challenge(asker, lot: lot, kind: kind, now: SystemClock.now())
            return Self.created { challenge.writeDocument(into: &$0) }
        }
        router.post("/v1/lots/:lot/challenge/answer") { request, context in
            let (asker, lot) = (try self.asker(request, context), try context.lot())
            let body = try await request.document(ProviderBody.self, limit: ProviderBody.byteLimit)
            switch try await self.house.pass(body, asker, lot: lot) {
            case .passed(let answer):
                return Response.json(
                    PassedDocument(answer: answer), status: .created, headers: [.cacheControl: "no-store"])
            case .refused(let problem, let next): return Self.response(.refused(problem, next: next))
            }
        }
        router.post("/v1/lots/:lot/token") { request, context in
            let asker = try self.asker(request, context)
            let lot = try context.lot()
            let body = try await request.bytes(limit: TokenBody.byteLimit)
            let asked = try Self.withBytes(body) { bytes throws(Problem) in
                try self.house.token(asker, lot: lot, body: bytes, now: SystemClock.now())
            }
            let reply = await self.calls.ask(asked.plan.question)
            return Self.response(self.house.outcome(of: asked, reply, now: SystemClock.now()))
        }
        router.post("/v1/lots/:lot/token/again") { request, context in
            let asker = try self.asker(request, context)
            let body = try await request.bytes(limit: TokenBody.byteLimit)
            return Self.response(try await self.again.token(asker, lot: try context.lot(), body: body))
        }
        self.page.add(to: router)
        PlainRoutes(routes: self, style: self.page.style).add(to: router)
        self.dev?.add(to: router)
    }

    private func asker(_ request: Request, _ context: TrancheContext) throws(Problem) -> Gatehouse.Asker {
        let address = self.address(request, context)
        return try Self.withBytes(request.bearer) { bytes throws(Problem) in
            try self.house.asker(bytes, from: address, now: SystemClock.now())
        }
    }

    func address(_ request: Request, _ context: TrancheContext) -> NetworkAddress {
        let forwarded = HTTPField.Name("X-Forwarded-For").flatMap { request.headers[$0] } ?? ""
        return Array(forwarded.utf8).withUnsafeBytes { self.house.address(of: context.peer, forwardedFor: $0) }
    }

    static func withBytes<Value>(
        _ bytes: (some Collection<UInt8>)?, _ body: (UnsafeRawBufferPointer) throws(Problem) -> Value
    ) throws(Problem) -> Value {
        let copy = bytes.map { Array($0) } ?? []
        let result = copy.withUnsafeBytes { bytes in Result { () throws(Problem) in try body(bytes) } }
        return try result.get()
    }

    private static func created(_ write: (inout [UInt8]) -> Void) -> Response {
        var body: [UInt8] = []
        write(&body)
        return Response(
            status: .created, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func response(_ outcome: GateOutcome) -> Response {
        if case .refused(let problem, nil) = outcome { return problem.response }
        var body: [UInt8] = []
        outcome.write(into: &body)
        let isProblem = outcome.status >= 400
        return Response(
            status: .init(code: outcome.status),
            headers: [
                .contentType: isProblem ? "application/problem+json" : "application/json", .cacheControl: "no-store",
            ], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// Questions to the gates' Redis from outside the lanes.
final class GateRedisCalls: Sendable {
    private struct State {
        var count: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<GateReply, Never>] = [:]
    }
    private let redis: GateRedis
    private let receiver: Int
    private let state: NIOLockedValueBox<State>

    init(_ redis: GateRedis) {
        let state = NIOLockedValueBox(State())
        (self.redis, self.state) = (redis, state)
        self.receiver = redis.add { replies in
            for (ticket, reply) in replies {
                state.withLockedValue { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: reply)
            }
        }
    }

    /// The reply; one that says to wait, if too many requests wait already.
    func ask(_ question: GateQuestion) async -> GateReply {
        await withCheckedContinuation { continuation in
            let ticket = self.state.withLockedValue { state in
                state.count += 1
                state.waiting[state.count] = continuation
                return state.count
            }
            if !self.redis.ask([(ticket, question)], for: self.receiver) {
                let waiting = self.state.withLockedValue { $0.waiting.removeValue(forKey: ticket) }
                waiting?.resume(returning: GateReply(waitMilliseconds: 1_000))
            }
        }
    }
}
