import DaemonSupport
package import TrancheAPI
import TrancheCore

/// The receiver of a consumer that wants webhooks, `NAME` in the keys below.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `outbox.NAME.url` | where they go, https:// or http:// | required |
/// | `outbox.NAME.private` | `true`: the address may be private, such as this machine's | `false` |
///
/// The secret is `TRANCHE_OUTBOX_NAME_SECRET`: one or two, the newest first, each `whsec_` and base64.
package struct WebhookSettings: Sendable {
    package let url: String
    package let mayBePrivate: Bool
    private let signatures: Derived<WebhookSignature>
    package var signature: WebhookSignature { self.signatures.current }

    package init(url: String, mayBePrivate: Bool = false, signature: WebhookSignature) {
        (self.url, self.mayBePrivate, self.signatures) = (url, mayBePrivate, Derived(signature))
    }

    init(_ name: String, _ values: DaemonConfiguration) throws(StartError) {
        let key = "outbox.\(name)"
        self.url = try values.string("\(key).url")
        guard self.url.hasPrefix("https://") || self.url.hasPrefix("http://"), self.url.utf8.count <= Limits.urlBytes
        else {
            throw StartError("\(key).url must begin with https:// or http://, \(Limits.urlBytes) bytes at most")
        }
        self.mayBePrivate = try values.flag("\(key).private")
        let check: @Sendable ([String]) -> String? = { secrets in
            WebhookSignature(secrets: secrets) == nil
                ? "TRANCHE_OUTBOX_\(name.uppercased())_SECRET must be \(WebhookSignature.rule)" : nil
        }
        let secret = try values.liveSecret("tranche.outbox.\(name).secret", check: check)
        // A part of a list that passed the check passes it, too.
        self.signatures = secret.derive { WebhookSignature(secrets: $0)! }
    }
}
