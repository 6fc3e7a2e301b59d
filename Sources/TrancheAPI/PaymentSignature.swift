import Crypto
package import TrancheCore

/// The signature of a payment callback: `t=<milliseconds>,v1=<hex HMAC-SHA256 over "t.body">`.
package struct PaymentSignature: Sendable {
    package static let header = "X-Tranche-Signature"
    /// The maximum difference between a callback's time and now, in milliseconds. It limits how long a recorded
    /// callback can be replayed.
    package static let toleranceMilliseconds: Int64 = 300_000

    /// The first one signs; a signature by any of them is accepted.
    private let keys: [SymmetricKey]

    package init(secret: String) { self.init(secrets: [secret]) }

    /// - Parameter secrets: The newest first, and at least one.
    package init(secrets: [String]) {
        precondition(!secrets.isEmpty, "the list of payment secrets is empty")
        self.keys = secrets.map { SymmetricKey(data: Array($0.utf8)) }
    }

    package func sign(_ body: [UInt8], at now: Instant) -> String {
        "t=\(now.milliseconds),v1=\(self.hex(self.mac(body, now.milliseconds)))"
    }

    /// - Throws: ``Problem`` with code `bad_signature`.
    package func check(_ header: String?, _ body: [UInt8], now: Instant) throws(Problem) {
        guard let header else { throw Self.refusal("the header \(Self.header) is missing") }
        var fields: [Substring: Substring] = [:]
        for part in header.split(separator: ",").prefix(8) {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
        guard let time = fields["t"].flatMap({ Int64($0) }), let mac = fields["v1"].flatMap({ Self.bytes($0) }) else {
            throw Self.refusal("the header must read t=MILLISECONDS,v1=HEX")
        }
        let age = now.milliseconds.subtractingReportingOverflow(time)
        guard !age.overflow, age.partialValue.magnitude <= Self.toleranceMilliseconds.magnitude else {
            throw Self.refusal("t=\(time) is more than \(Self.toleranceMilliseconds / 1_000) s away from now")
        }
        var message = Array("\(time).".utf8)
        message += body
        let isGood = self.keys.contains {
            HMAC<SHA256>.isValidAuthenticationCode(mac, authenticating: message, using: $0)
        }
        guard isGood else {
            throw Self.refusal("the signature is wrong")
        }
    }

    private func mac(_ body: [UInt8], _ time: Int64) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array("\(time).".utf8) + body, using: self.keys[0]))
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Hex.value($0).map { UInt8($0) } }
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func refusal(_ detail: String) -> Problem {
        Problem(status: 401, code: "bad_signature", detail: detail)
    }
}
