import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// What a shop has got by webhooks: it checks each one as a careful receiver does.
final class ShopBook: Sendable {
    struct Taken: Sendable {
        var id: String
        var type: String
        var order: String
        var position: Int
        var body: [UInt8]
    }
    struct State: Sendable {
        var requests = 0
        var refused = 0
        var badSignatures = 0
        /// The first taking of each event, in the order of their arrival.
        var taken: [Taken] = []
        var bodies: [String: [UInt8]] = [:]
        var duplicates = 0
        /// Events that came under an id of another one.
        var changed: [String] = []
    }
    private let state = NIOLockedValueBox(State())
    private let signature: WebhookSignature
    var seen: State { self.state.withLockedValue { $0 } }

    init(secret: String) { self.signature = WebhookSignature(secrets: [secret])! }

    /// - Parameter refuses: Whether the shop is not able to take this request.
    func take(_ request: WebhookReceiver.Request, refuses: (Int) -> Bool) -> WebhookReceiver.Answer {
        self.state.withLockedValue { state in
            state.requests += 1
            let id = request.headers["webhook-id"] ?? ""
            let seconds = request.headers["webhook-timestamp"].flatMap { Int64($0) } ?? 0
            let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
            guard
                self.signature.isValid(
                    request.headers["webhook-signature"] ?? "", id: id, seconds: seconds, request.body, now: now)
            else {
                state.badSignatures += 1
                return .status(401)
            }
            if refuses(state.requests) {
                state.refused += 1
                return .status(500 + state.requests % 4)
            }
            if let known = state.bodies[id] {
                state.duplicates += 1
                if known != request.body { state.changed.append(id) }
                return .status(200)
            }
            let read = (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any]
            let data = read?["data"] as? [String: Any]
            state.bodies[id] = request.body
            state.taken.append(
                Taken(
                    id: id, type: read?["type"] as? String ?? "", order: read?["subject"] as? String ?? "",
                    position: data?["position"] as? Int ?? -1, body: request.body))
            return .status(200)
        }
    }

    /// Orders whose events came in another order than that of the ledger.
    static func disordered(_ taken: [Taken]) -> [String] {
        var last: [String: Int] = [:]
        return taken.compactMap { one in
            defer { last[one.order] = max(one.position, last[one.order] ?? 0) }
            return one.position < last[one.order] ?? 0 ? one.order : nil
        }
    }
}
