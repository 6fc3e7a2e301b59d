import Foundation
import Identity
import LoadGenerator
import NIOConcurrencyHelpers
import Sockets
import TrancheAPI

/// A provider of logins: its document, its keys, and a token for each code, as a test wants it.
final class FakeProvider: Sendable {
    static let client = "tranche-console"
    static let secret = "the client's secret / of a test"

    let issuer: String
    private let identity: DevIdentity
    private let receiver: WebhookReceiver
    private let state: NIOLockedValueBox<State>

    private struct State {
        var token: String?
        var requests: [WebhookReceiver.Request] = []
    }

    init() throws {
        let port = try FreePorts.take()
        let issuer = "http://127.0.0.1:\(port)"
        let identity = DevIdentity(seed: (0..<32).map { _ in UInt8.random(in: 0...255) })!
        let state = NIOLockedValueBox(State())
        (self.issuer, self.identity, self.state) = (issuer, identity, state)
        self.receiver = try WebhookReceiver(port: port) { request in
            switch request.path {
            case "/.well-known/openid-configuration":
                return Self.answer(
                    """
                    {"issuer":"\(issuer)","authorization_endpoint":"\(issuer)/authorize",\
                    "token_endpoint":"\(issuer)/token","jwks_uri":"\(issuer)/keys"}
                    """)
            case "/keys": return Self.answer(String(decoding: identity.jwks, as: UTF8.self))
            case "/token":
                let token = state.withLockedValue { state in
                    state.requests.append(request)
                    defer { state.token = nil }  // A code counts once.
                    return state.token
                }
                return token.map { Self.answer("{\"id_token\":\"\($0)\",\"token_type\":\"Bearer\"}") } ?? .status(400)
            default: return .status(404)
            }
        }
    }

    func stop() { self.receiver.stop() }

    /// The last request for a token.
    var lastRequest: WebhookReceiver.Request? { self.state.withLockedValue { $0.requests.last } }

    private static func answer(_ json: String) -> WebhookReceiver.Answer {
        .raw(
            Array(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
                    .utf8))
    }

    /// What the next code stands for.
    ///
    /// - Parameter algorithm: Another one than the key's: the token has no signature then.
    func prepare(_ claims: [String: Any], algorithm: String? = nil) throws {
        let bytes = Array(try JSONSerialization.data(withJSONObject: claims))
        let header = Array("{\"alg\":\"\(algorithm ?? "EdDSA")\",\"kid\":\"dev\"}".utf8)
        let token =
            algorithm == nil
            ? try self.identity.sign(header: header, claims: bytes)
            : "\(Base64URL.encode(header)).\(Base64URL.encode(bytes))."
        self.state.withLockedValue { $0.token = token }
    }
}
