import Crypto
import Foundation
import TrancheAPI
package import TrancheCore

/// A login with the provider that a browser has begun: what only that browser, and the answer to this login, can show.
///
/// It is sealed into a cookie, so a center keeps nothing of logins that nobody ends.
package struct LoginAttempt: Hashable, Sendable, Codable {
    /// How long the person has for the provider's pages.
    package static let lifetimeMilliseconds: Int64 = 10 * 60_000
    /// Bytes of a sealed attempt.
    package static let sealedBytes = 1_024

    /// Comes back with the provider's answer: nobody can end a login in another one's browser.
    package let state: String
    /// Comes back in the ID token: no token of another login counts.
    package let nonce: String
    /// Of PKCE (RFC 7636): nobody can use a code that they have seen.
    package let verifier: String
    /// By the wall clock.
    package let endsAt: Instant

    package init(now: Instant, using generator: inout some RandomNumberGenerator) {
        func text() -> String {
            Base64URL.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
        (self.state, self.nonce, self.verifier) = (text(), text(), text())
        self.endsAt = now.advanced(milliseconds: Self.lifetimeMilliseconds)
    }

    /// What the provider gets in place of the verifier.
    package var challenge: String { Base64URL.encode(Array(SHA256.hash(data: Array(self.verifier.utf8)))) }
}

/// Seals attempts with a key of the process.
package struct LoginSeal: Sendable {
    private let key = SymmetricKey(size: .bits256)

    package init() {}

    package func seal(_ attempt: LoginAttempt) -> String {
        let bytes = JSON.encode(attempt)
        let mark = HMAC<SHA256>.authenticationCode(for: bytes, using: self.key)
        return "\(Base64URL.encode(bytes)).\(Base64URL.encode(Array(mark)))"
    }

    /// - Returns: `nil` for a text that this process did not seal, or whose time is over.
    package func open(_ text: String, now: Instant) -> LoginAttempt? {
        guard text.utf8.count <= LoginAttempt.sealedBytes else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, let bytes = Base64URL.decode(parts[0]), let mark = Base64URL.decode(parts[1]),
            HMAC<SHA256>.isValidAuthenticationCode(mark, authenticating: bytes, using: self.key),
            let attempt = try? JSON.decode(LoginAttempt.self, from: bytes), now < attempt.endsAt
        else { return nil }
        return attempt
    }
}
