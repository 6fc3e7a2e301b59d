/// What a captcha provider says of one answer: the "siteverify" call, which the usual providers have in common.
package enum CaptchaVerdict: Hashable, Sendable {
    case yes
    case no
    /// The provider did not judge; the text says why.
    case away(String)

    private struct Document: Decodable {
        let success: Bool
        let codes: [String]?
        private enum CodingKeys: String, CodingKey {
            case success
            case codes = "error-codes"
        }
    }

    /// Codes that blame the shop, and not the buyer.
    private static let faultsOfTheShop = ["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch"]

    /// The body of the call.
    package static func question(secret: String, response: String) -> [UInt8] {
        FormBody.encode([("secret", secret), ("response", response)])
    }

    package static func read(status: Int, _ body: [UInt8]) -> CaptchaVerdict {
        // Some providers answer 400 to a response that is no response: that is the buyer's fault, and not a failure.
        guard status == 200 || status == 400 else {
            return .away("the captcha provider answered with status \(status)")
        }
        guard let document = try? JSON.decode(Document.self, from: body) else {
            return .away("the captcha provider's answer is not the expected JSON")
        }
        if document.success { return .yes }
        // With a wrong secret every buyer would be refused.
        let fault = document.codes?.first { self.faultsOfTheShop.contains($0) }
        return fault.map { .away("the captcha provider refuses the shop's secret: \($0)") } ?? .no
    }
}
