import CurlClient
import Foundation
package import TrancheAPI
package import TrancheCore

/// Speaks to a payment provider over HTTP, in the form of `ProviderDocuments`.
///
/// Redirects are not followed, a private address is not connected to unless the settings allow it, and of an answer no
/// more than 64 KB is read: a provider, or who takes its place, cannot turn a unit against its own network or memory.
package final class HTTPPaymentProvider: PaymentProvider {
    /// The longest answer; ``Limits/paymentsPerOrder`` payments of an order fit in it.
    package static let answerBytes = 65_536

    private let settings: ProviderSettings
    private let curl: CurlClient

    package init(_ settings: ProviderSettings) {
        self.settings = settings
        let mayBePrivate = settings.mayBePrivate
        self.curl = CurlClient(door: { mayBePrivate || !PrivateAddress.contains($0) })
    }

    package func create(_ charge: ChargeBody, key: String) async -> ChargeAnswer {
        switch await self.send("POST", ProviderForm.paymentsPath, JSON.encode(charge), key: key) {
        case .success(let answer): ProviderReading.charge(status: answer.status, body: answer.body, of: charge)
        case .failure(let error): .unknown(reason: self.reason(error))
        }
    }

    package func query(_ order: OrderID) async -> (answer: ProviderAnswer, reason: String?) {
        switch await self.send("GET", "\(ProviderForm.paymentsPath)?order=\(order)") {
        case .success(let answer): ProviderReading.payments(status: answer.status, body: answer.body, of: order)
        case .failure(let error): (.unknown, self.reason(error))
        }
    }

    /// Asks first, and gives back only if the provider does not know the refund. Providers keep the keys of acts for a
    /// day or so, and refunds for ever: after a long outage the key alone would not protect.
    package func refund(_ refund: Refund) async -> (answer: RefundAnswer, reason: String?) {
        let key = refund.key.description
        let name = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? key
        switch await self.send("GET", "\(ProviderForm.refundsPath)/\(name)") {
        case .success(let answer) where answer.status == 404: break
        case .success(let answer): return ProviderReading.refund(status: answer.status, body: answer.body, of: refund)
        case .failure(let error): return (.unknown, self.reason(error))
        }
        switch await self.send("POST", ProviderForm.refundsPath, JSON.encode(RefundBody(refund)), key: key) {
        case .success(let answer): return ProviderReading.refund(status: answer.status, body: answer.body, of: refund)
        case .failure(let error): return (.unknown, self.reason(error))
        }
    }

    package func stop() { self.curl.stop() }

    private func send(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, key: String? = nil
    ) async -> Result<CurlResponse, CurlError> {
        var headers = ["Authorization": "Bearer \(self.settings.shownSecret)", "Accept": "application/json"]
        if body != nil { headers["Content-Type"] = "application/json" }
        if let key { headers[ProviderForm.keyHeader] = key }
        let request = CurlRequest(
            method, self.settings.url + path, headers: headers, body: body,
            timeoutMilliseconds: self.settings.timeoutMilliseconds, bodyLimitBytes: Self.answerBytes)
        do throws(CurlError) { return .success(try await self.curl.send(request)) } catch { return .failure(error) }
    }

    /// An address is no one's business who reads a reason.
    private func reason(_ error: CurlError) -> String { "\(error)".replacing(self.settings.url, with: "the provider") }
}
