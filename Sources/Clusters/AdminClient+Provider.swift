import CurlClient
import Foundation
package import SampleProvider
import Terminal
import TrancheAPI
import TrancheCore
package import Verification

/// What the sample payment provider has in its book, and the faults that are asked of it.
extension AdminClient {
    /// The whole book.
    package func providerBook() async throws -> [ProviderEntry] {
        var book: [ProviderEntry] = []
        var after: String? = ""
        while let last = after {
            let page = try await self.providerPage(after: last)
            book += page.payments.map { ProviderEntry(charge: $0.charge, refunds: $0.refunds) }
            after = page.next
        }
        return book
    }

    private func providerPage(after payment: String) async throws -> ProviderPage {
        try JSON.decode(
            ProviderPage.self,
            from: try await self.callProvider(
                "GET", "/book?after=\(payment)", secret: self.layout.secret(ClusterLayout.providerSecretName)))
    }

    /// Asks for faults, in place of those of before.
    package func set(_ faults: ProviderFaults) async throws {
        _ = try await self.callProvider(
            "PUT", "/faults", secret: self.layout.secret(ClusterLayout.providerControlName), JSON.encode(faults))
    }

    private func callProvider(
        _ method: String, _ path: String, secret: String, _ body: [UInt8]? = nil
    ) async throws -> [UInt8] {
        let url = (self.layout.providerURL ?? "") + path
        let headers = ["Authorization": "Bearer \(secret)", "Content-Type": "application/json"]
        let response: CurlResponse
        do { response = try await self.callShop(CurlRequest(method, url, headers: headers, body: body)) } catch {
            throw CommandError("the sample provider does not answer: \(error)")
        }
        guard response.status == 200 else {
            throw CommandError(
                "\(method) \(url): status \(response.status) \(String(decoding: response.body.prefix(200), as: UTF8.self))"
            )
        }
        return response.body
    }

    /// Waits until every unit has answered all callbacks, and every refund that is due is done.
    ///
    /// - Returns: `false` after `seconds` seconds without that.
    package func waitForProvider(seconds: Int) async -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        var looks = 0
        while ContinuousClock.now < end {
            // What a unit shows of its refunds is up to 200 ms old: one look is not enough.
            looks = await self.isSettled() ? looks + 1 : 0
            if looks == 2 { return true }
            try? await Task.sleep(for: .milliseconds(300))
        }
        return false
    }

    private func isSettled() async -> Bool {
        guard let page = try? await self.providerPage(after: ""), page.openCallbacks == 0 else { return false }
        for unit in self.layout.units {
            guard await self.answers(unit.publicURL + "/readyz"), let refunds = try? await self.refunds(of: unit),
                refunds.allSatisfy({ $0.isDone || !$0.isByProvider })
            else { return false }
        }
        return true
    }
}
