import TrancheCore

/// The payment provider that a process asks.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `provider.url` | its address, before `/v1/payments` and `/v1/refunds`; https:// | none: nobody is asked |
/// | `provider.private` | `true`: the address may be private, such as this machine's, and begin with http:// | `false` |
/// | `provider.timeout` | milliseconds until an answer that has not come is unknown | 5000 |
/// | `provider.concurrency` | calls at a time | 16 |
///
/// The secret that is shown is `TRANCHE_PROVIDER_SECRET`, from a file or from the environment. There is no default.
package struct ProviderSettings: Sendable {
    package static let secretKey = "tranche.provider.secret"
    package static let concurrencyLimit = 256

    package let url: String
    package let mayBePrivate: Bool
    package let timeoutMilliseconds: Int
    package let concurrency: Int
    private let secret: LiveSecret
    var shownSecret: String { self.secret.shown }

    /// - Returns: `nil` if no provider is named.
    /// - Throws: ``StartError`` that names the setting.
    package static func read(_ values: DaemonConfiguration) throws(StartError) -> ProviderSettings? {
        let url = values.string("provider.url", default: "")
        return url.isEmpty ? nil : try ProviderSettings(url, values)
    }

    private init(_ url: String, _ values: DaemonConfiguration) throws(StartError) {
        self.mayBePrivate = try values.flag("provider.private")
        guard url.hasPrefix("https://") || self.mayBePrivate && url.hasPrefix("http://") else {
            throw StartError(
                "provider.url is \"\(url.prefix(80))\", but must begin with https://: the provider is shown a secret; "
                    + "http:// needs provider.private: true")
        }
        guard url.utf8.count <= Limits.urlBytes, !url.contains("?"), !url.contains("#"), !url.contains("@") else {
            throw StartError(
                "provider.url must have \(Limits.urlBytes) bytes at most, and no ?, # or @: put the secret into "
                    + "TRANCHE_PROVIDER_SECRET")
        }
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.timeoutMilliseconds = try values.number("provider.timeout", in: 100...30_000, default: 5_000)
        self.concurrency = try values.number("provider.concurrency", in: 1...Self.concurrencyLimit, default: 16)
        self.secret = try values.liveSecret(Self.secretKey)
    }
}
