package import CurlClient
import Foundation
package import TrancheAPI
package import TrancheCore

/// Speaks to a payment provider over HTTP, in the form of `ProviderDocuments`.
///
/// Redirects are not followed, a private address is not connected to unless the settings allow it, and of an answer no more than 64 KB is
/// read: a provider, or who takes its place, cannot turn a unit against its own network or memory.
package final class HTTPPaymentProvider: PaymentProvider {
    /// The longest answer; ``ProviderForm/paymentsPerOrder`` payments need a quarter of it.
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
        case .success(let answer): ChargeAnswer(status: answer.status, body: answer.body, asked: charge)
        case .failure(let error): .unknown(reason: self.reason(error))
        }
    }

    package func query(_ order: OrderID) async -> PaymentAnswer {
        switch await self.send("GET", "\(ProviderForm.paymentsPath)?order=\(order)") {
        case .success(let answer): PaymentAnswer(status: answer.status, body: answer.body, order: order)
        case .failure(let error): .unknown(reason: self.reason(error))
        }
    }

    package func refund(_ refund: RefundBody, key: String) async -> RefundAnswer {
        let result = await self.send("POST", ProviderForm.refundsPath, JSON.encode(refund), key: key)
        return self.answer(result, refund, key)
    }

    package func watch(_ refund: RefundBody, key: String) async -> RefundAnswer {
        let name = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? key
        let result = await self.send("GET", "\(ProviderForm.refundsPath)/\(name)")
        // A provider that does not know it may never have got it: it is sent again.
        if case .success(let answer) = result, answer.status == 404 { return .unknown(reason: "status 404") }
        return self.answer(result, refund, key)
    }

    package func stop() { self.curl.stop() }

    private func answer(
        _ result: Result<CurlResponse, CurlError>, _ refund: RefundBody, _ key: String
    ) -> RefundAnswer {
        switch result {
        case .success(let answer): RefundAnswer(status: answer.status, body: answer.body, key: key, asked: refund)
        case .failure(let error): .unknown(reason: self.reason(error))
        }
    }

    private func send(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, key: String? = nil
    ) async -> Result<CurlResponse, CurlError> {
        var headers = ["Authorization": "Bearer \(self.settings.shownSecret)", "Accept": "application/json"]
        if body != nil { headers["Content-Type"] = "application/json" }
        if let key { headers[ProviderForm.keyHeader] = key }
        let request = CurlRequest(
            method, self.settings.url + path, headers: headers, body: body,
            timeoutMilliseconds: self.settings.timeoutMilliseconds, bodyLimitBytes: Self.answerBytes)
        do { return .success(try await self.curl.send(request)) } catch { return .failure(error) }
    }

    /// An address is no one's business who reads a reason.
    private func reason(_ error: CurlError) -> String { "\(error)".replacing(self.settings.url, with: "the provider") }
}
