import Foundation
import TrancheAPI

/// The addresses of a provider, as its discovery document has them (OpenID Connect Discovery 1.0).
package struct LoginEndpoints: Hashable, Sendable {
    /// Bytes of the document.
    package static let documentBytes = 64 << 10
    private static let addressBytes = 1_024

    package let authorization: String
    package let token: String
    package let keys: String

    private struct Document: Decodable {
        private enum CodingKeys: String, CodingKey {
            case issuer
            case authorization = "authorization_endpoint"
            case token = "token_endpoint"
            case keys = "jwks_uri"
        }
        let issuer: String
        let authorization: String
        let token: String
        let keys: String
    }

    /// - Throws: ``LoginError`` for a document of another issuer, or with an address that nobody may be sent to.
    package init(document: [UInt8], issuer: String) throws(LoginError) {
        let found: Document
        do throws(Problem) { found = try JSON.decode(Document.self, from: document) } catch {
            throw .badDocument(error.detail)
        }
        guard found.issuer == issuer else { throw .otherIssuer(found.issuer, expected: issuer) }
        for address in [found.authorization, found.token, found.keys] where !Self.isSafe(address) {
            throw .badAddress(address)
        }
        (self.authorization, self.token, self.keys) = (found.authorization, found.token, found.keys)
    }

    /// The address of the document.
    package static func document(of issuer: String) -> String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }

    /// Whether an address is encrypted, or stays on this machine.
    package static func isSafe(_ address: String) -> Bool {
        guard address.utf8.count <= Self.addressBytes, let parts = URLComponents(string: address),
            let host = parts.host, !host.isEmpty, parts.user == nil, parts.password == nil, parts.fragment == nil
        else { return false }
        return parts.scheme == "https"
            || parts.scheme == "http" && ["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
    }

    /// Where a browser begins a login: the code flow (OpenID Connect Core 1.0, section 3.1.2.1) with PKCE.
    package func address(for attempt: LoginAttempt, client: String, redirect: String, scopes: String) -> String {
        let query = Self.form([
            ("response_type", "code"), ("client_id", client), ("redirect_uri", redirect), ("scope", scopes),
            ("state", attempt.state), ("nonce", attempt.nonce), ("code_challenge", attempt.challenge),
            ("code_challenge_method", "S256"),
        ])
        return self.authorization + (self.authorization.contains("?") ? "&" : "?") + query
    }

    /// Fields as a form has them.
    package static func form(_ fields: [(name: String, value: String)]) -> String {
        fields.map { "\($0.name)=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    /// A text in which everything but letters, digits and four marks is escaped.
    package static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(
            withAllowedCharacters: CharacterSet(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")) ?? ""
    }
}

/// Why a provider's document is refused.
package enum LoginError: Error, Hashable, Sendable, CustomStringConvertible {
    case badDocument(String)
    case otherIssuer(String, expected: String)
    case badAddress(String)

    package var description: String {
        switch self {
        case .badDocument(let reason): "the provider's document cannot be used: \(reason)"
        case .otherIssuer(let issuer, let expected):
            "the provider's document is of \"\(issuer.prefix(100))\", not of \"\(expected)\""
        case .badAddress(let address):
            "the provider's document names \"\(address.prefix(100))\", which is neither https nor on this machine"
        }
    }
}
