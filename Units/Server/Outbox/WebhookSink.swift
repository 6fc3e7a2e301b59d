import CurlClient
import DaemonSupport
import TrancheAPI
package import TrancheCore

/// Sends events as webhooks, by the Standard Webhooks specification.
///
/// Only a whole answer of 2xx is a yes. Redirects are not followed, a private address is not connected to, and of an answer
/// no more than 64 KB is read: a receiver cannot turn the unit against its own network or memory.
package final class WebhookSink: OutboxSink {
    /// The longest answer. Nothing of it is used.
    static let answerBytes = 65_536

    private let unit: UnitID
    private let url: String
    private let timeoutMilliseconds: Int
    private let webhooks: WebhookSettings
    private let curl: CurlClient

    package init(_ webhooks: WebhookSettings, timeoutMilliseconds: Int, unit: UnitID) {
        (self.unit, self.url, self.webhooks) = (unit, webhooks.url, webhooks)
        self.timeoutMilliseconds = timeoutMilliseconds
        // A client for each consumer: its thread waits for no other receiver.
        let mayBePrivate = webhooks.mayBePrivate
        self.curl = CurlClient(door: { mayBePrivate || !PrivateAddress.contains($0) })
    }

    package func deliver(_ event: OutboxEvent, _ completion: @escaping @Sendable (RelayMachine.Answer) -> Void) {
        let (id, body) = (event.id(of: self.unit), WebhookBody.json(event, unit: self.unit))
        let seconds = SystemClock.now().milliseconds / 1_000
        let request = CurlRequest(
            "POST", self.url,
            headers: [
                "Content-Type": WebhookBody.type, WebhookSignature.idHeader: id,
                WebhookSignature.timestampHeader: "\(seconds)",
                WebhookSignature.header: self.webhooks.signature.sign(id: id, seconds: seconds, body),
            ],
            body: body, timeoutMilliseconds: self.timeoutMilliseconds, bodyLimitBytes: Self.answerBytes)
        self.curl.start(request) { [url] in completion(Self.answer($0, url)) }
    }

    package func stop() { self.curl.stop() }

    static func answer(_ result: Result<CurlResponse, CurlError>, _ url: String) -> RelayMachine.Answer {
        switch result {
        case .success(let response) where (200..<300).contains(response.status): return .yes
        case .success(let response) where response.status == 410:
            return .gone(reason: "status 410: the receiver wants no more events")
        case .success(let response):
            let seconds = response.headers["retry-after"].flatMap { Int64($0) }.map { min(max(0, $0), 86_400) }
            return .no(reason: "status \(response.status)", retryAfterMilliseconds: seconds.map { $0 * 1_000 })
        case .failure(let error):
            // An address may have a secret in it, and the reason is shown.
            return .no(reason: "\(error)".replacing(url, with: "the receiver"))
        }
    }
}
