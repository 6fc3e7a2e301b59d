package import DaemonSupport
package import TrancheAPI

/// The shop's captcha provider, as the settings name it.
package struct CaptchaSettings: Sendable {
    /// Where a gate asks whether an answer is good.
    package let verify: String
    package let secret: LiveSecret
    package let widget: SealedChallenge.Widget
    /// From where the page may load scripts, styles and frames.
    package let origins: [String]
    package let timeoutMilliseconds: Int
    package let calls: Int

    /// - Returns: `nil` if the shop has no provider.
    package init?(_ values: DaemonConfiguration) throws(StartError) {
        let verify = values.string("captcha.verify", default: "")
        let key = "tranche.captcha.secret"
        guard !verify.isEmpty else {
            guard values.optionalSecret(key) == nil else {
                throw StartError(
                    "TRANCHE_CAPTCHA_SECRET is set, but captcha.verify is missing: a gate would not use it")
            }
            return nil
        }
        guard Self.isPrivate(verify) else {
            throw StartError(
                "captcha.verify is \"\(verify)\", but must begin with https://: the call carries a secret")
        }
        // There is no default: with a secret that everybody knows, everybody could answer in the provider's place.
        guard values.optionalSecret(key) != nil else {
            throw StartError("captcha.verify is set, but the secret TRANCHE_CAPTCHA_SECRET is missing")
        }
        let script = try values.string("captcha.script")
        guard let origin = WebOrigin(address: script), Self.isPrivate(script) else {
            throw StartError("captcha.script is \"\(script)\", but must be the https address of the provider's script")
        }
        let origins = values.string("captcha.origins", default: origin.text).split(separator: ",")
            .map { $0.filter { !$0.isWhitespace } }
        for text in origins {
            guard WebOrigin(address: text)?.text == text else {
                throw StartError("captcha.origins has \"\(text)\", but must be a list of origins like https://host")
            }
        }
        self.verify = verify
        self.secret = try values.liveSecret(key, shortestBytes: 1)  // The provider makes it.
        self.widget = .init(
            script: script, name: try values.string("captcha.widget"), siteKey: try values.string("captcha.site.key"))
        self.origins = origins
        self.timeoutMilliseconds = try values.number("captcha.milliseconds", in: 100...10_000, default: 2_000)
        self.calls = try values.number("captcha.calls", in: 1...512, default: 64)
    }

    /// Whether nobody on the way can read or change a call to this address.
    static func isPrivate(_ address: String) -> Bool {
        guard let origin = WebOrigin(address: address) else { return false }
        return origin.isEncrypted || TransportConfiguration.isLoopback(origin.host)
    }
}
