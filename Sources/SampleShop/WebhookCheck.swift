import Crypto
import Foundation
package import TrancheAPI

/// Whether a request is a genuine webhook of Tranche: the receiver's half of the Standard Webhooks specification.
///
/// It is written for shops to read, from the specification alone, and shares no code with the sender.
package struct WebhookCheck: Sendable {
    /// How far the time of a webhook may be from now. It limits how long a recorded webhook can be replayed.
    package static let toleranceSeconds: Int64 = 300
    /// Signatures of one webhook: a sender has two while its secret is replaced.
    package static let signaturesLimit = 8
    private static let prefix = "whsec_"

    private let keys: [SymmetricKey]

    /// - Parameter secrets: One, or two while the secret is replaced. A signature by either is accepted.
    /// - Returns: `nil` if there is none, or one of them is not `whsec_` and the base64 of at least 24 bytes.
    package init?(secrets: [String]) {
        let keys = secrets.compactMap { secret -> SymmetricKey? in
            guard secret.hasPrefix(Self.prefix), let key = Data(base64Encoded: String(secret.dropFirst(6))),
                key.count >= 24
            else { return nil }
            return SymmetricKey(data: key)
        }
        guard !keys.isEmpty, keys.count == secrets.count else { return nil }
        self.keys = keys
    }

    /// Checks the three header fields against the raw body, as it came.
    ///
    /// - Parameter now: In seconds since 1970.
    /// - Throws: ``Problem`` with code `bad_signature`; the detail says which part is wrong.
    package func check(
        id: String?, timestamp: String?, signature: String?, _ body: [UInt8], now: Int64
    ) throws(Problem) {
        guard let id, let timestamp, let signature else {
            throw Self.refusal("webhook-id, webhook-timestamp and webhook-signature are required")
        }
        guard let seconds = Int64(timestamp) else { throw Self.refusal("webhook-timestamp is not a number of seconds") }
        let age = now.subtractingReportingOverflow(seconds)
        guard !age.overflow, age.partialValue.magnitude <= Self.toleranceSeconds.magnitude else {
            throw Self.refusal("webhook-timestamp \(seconds) is more than \(Self.toleranceSeconds) s away from now")
        }
        let signed = Array("\(id).\(timestamp).".utf8) + body
        let isGenuine = signature.split(separator: " ").prefix(Self.signaturesLimit).contains { one in
            guard one.hasPrefix("v1,"), let code = Data(base64Encoded: String(one.dropFirst(3))) else { return false }
            // Compares in constant time.
            return self.keys.contains {
                HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: $0)
            }
        }
        guard isGenuine else { throw Self.refusal("no signature is by a secret of this shop") }
    }

    private static func refusal(_ detail: String) -> Problem {
        Problem(status: 401, code: "bad_signature", detail: detail)
    }
}
