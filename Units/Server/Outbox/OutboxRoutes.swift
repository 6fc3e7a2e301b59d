import DaemonSupport
import Hummingbird
import TrancheAPI
import TrancheCore

/// The shop's addresses for its consumers, on the second listener.
struct OutboxRoutes {
    static let bodyBytes = 4 << 10
    /// Dead letters in one answer.
    static let lettersLimit = 1_000

    let outbox: Outbox
    let unit: UnitID

    func add(to group: RouterGroup<TrancheContext>) {
        group.get("outbox") { _, _ in Response.json(self.outbox.relays.compactMap(\.document)) }
        group.get("outbox/:consumer/dead") { request, context in
            let relay = try self.outbox.relay(context.parameters.get("consumer") ?? "")
            let after = try self.place(request)
            let letters = try await self.ask { completion throws(Problem) in
                try relay.post(.deadLetters(after: after, limit: Self.lettersLimit, completion))
            }
            return Response.json(letters.map { DeadLetterDocument($0, unit: self.unit) })
        }
        group.post("outbox/:consumer") { request, context in
            let relay = try self.outbox.relay(context.parameters.get("consumer") ?? "")
            let act = try await request.document(ConsumerAct.self, limit: Self.bodyBytes)
            try Self.check(act)
            try await self.ask { completion throws(Problem) in try relay.post(.act(act, completion)) }
            return Response(status: .accepted)
        }
    }

    private static func check(_ act: ConsumerAct) throws(Problem) {
        func refuse(_ detail: String) -> Problem { Problem(status: 400, code: "invalid_act", detail: detail) }
        if act.act == .replay {
            guard let from = act.from, let to = act.to, from >= 1, from <= to, to <= Limits.position else {
                throw refuse("a replay needs from and to, 1...\(Limits.position), and from is not behind to")
            }
        }
        if act.act == .rate, let rate = act.perSecond, !(1...Limits.requestsPerWindow).contains(rate) {
            throw refuse("perSecond \(rate) is not in 1...\(Limits.requestsPerWindow)")
        }
    }

    /// The letter after which a list goes on: `?after=POSITION.INDEX`.
    private func place(_ request: Request) throws(Problem) -> OutboxPlace? {
        guard let text = request.uri.queryParameters.get("after") else { return nil }
        let parts = text.split(separator: ".")
        guard parts.count == 2, let position = UInt64(parts[0]), position <= Limits.position,
            let index = Int(parts[1]), (0...9).contains(index)
        else {
            throw Problem(
                status: 400, code: "invalid_place", detail: "after=\(text.prefix(40)) is not POSITION.INDEX")
        }
        return OutboxPlace(generation: Generation(0), position: position, index: index)
    }

    private func ask<Value: Sendable>(
        _ post: @escaping (@escaping @Sendable (Result<Value, Problem>) -> Void) throws(Problem) -> Void
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            let resume: @Sendable (Result<Value, Problem>) -> Void = {
                continuation.resume(with: $0.mapError { $0 as any Error })
            }
            do { try post(resume) } catch { continuation.resume(throwing: error) }
        }
    }
}
