import Crypto
import Foundation
package import TrancheCore

/// The signature of a webhook, by the Standard Webhooks specification: `v1,` and the base64 of HMAC-SHA256 over
/// `id.timestamp.body`.
package struct WebhookSignature: Sendable {
    package static let idHeader = "webhook-id"
    package static let timestampHeader = "webhook-timestamp"
    package static let header = "webhook-signature"
    package static let secretPrefix = "whsec_"
    /// Bytes of a key behind the prefix, after base64.
    package static let keyBytes = 24...64
    /// The present secret, and the one before it while receivers learn the new one.
    package static let secretsLimit = 2
    /// How far the time of a webhook may be from now, in seconds.
    package static let toleranceSeconds: Int64 = 300

    private let keys: [SymmetricKey]

    /// The rule for secrets, for messages.
    package static var rule: String {
        "1 or \(self.secretsLimit) secrets, each \(self.secretPrefix) and the base64 of \(self.keyBytes.lowerBound) to "
            + "\(self.keyBytes.upperBound) random bytes"
    }

    /// - Parameter secrets: The newest first. Each of them signs, so that a receiver may know either.
    /// - Returns: `nil` if they break ``rule``.
    package init?(secrets: [String]) {
        guard (1...Self.secretsLimit).contains(secrets.count) else { return nil }
        var keys: [SymmetricKey] = []
        for secret in secrets {
            guard secret.hasPrefix(Self.secretPrefix),
                let key = Data(base64Encoded: String(secret.dropFirst(Self.secretPrefix.utf8.count))),
                Self.keyBytes.contains(key.count)
            else { return nil }
            keys.append(SymmetricKey(data: key))
        }
        self.keys = keys
    }

    /// The value of the header: one signature for each secret.
    package func sign(id: String, seconds: Int64, _ body: [UInt8]) -> String {
        let text = Self.text(id, seconds, body)
        return self.keys.map { key in
            "v1," + Data(HMAC<SHA256>.authenticationCode(for: text, using: key)).base64EncodedString()
        }.joined(separator: " ")
    }

    /// What a receiver does: whether any of the signatures is by any of the secrets, and the time is near.
    package func isValid(_ header: String, id: String, seconds: Int64, _ body: [UInt8], now: Instant) -> Bool {
        let age = (now.milliseconds / 1_000).subtractingReportingOverflow(seconds)
        guard !age.overflow, age.partialValue.magnitude <= Self.toleranceSeconds.magnitude else { return false }
        let text = Self.text(id, seconds, body)
        return header.split(separator: " ").prefix(16).contains { one in
            guard one.hasPrefix("v1,"), let code = Data(base64Encoded: String(one.dropFirst(3))) else { return false }
            return self.keys.contains {
                HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: text, using: $0)
            }
        }
    }

    private static func text(_ id: String, _ seconds: Int64, _ body: [UInt8]) -> [UInt8] {
        Array("\(id).\(seconds).".utf8) + body
    }
}
