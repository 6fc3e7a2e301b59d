import CurlClient
import SampleShop
import Terminal
import TrancheAPI
package import TrancheCore
package import Verification

/// What the sample shop has heard of, as its own people see it.
extension AdminClient {
    /// The consumer's name in the units' configurations.
    private static let consumer = "shop"

    /// The whole book.
    package func shopBook() async throws -> [OrderID: BookedOrder] {
        var book: [OrderID: BookedOrder] = [:]
        var after: String? = ""
        while let last = after {
            let page = try await self.shopPage(after: last)
            for one in page.orders {
                guard let order = OrderID(hex: one.order) else {
                    throw CommandError("the shop's book has \"\(one.order)\", which is no order's id")
                }
                book[order] = BookedOrder(
                    state: one.state, payment: one.payment, refunds: Set(one.refunds.map(\.payment)))
            }
            after = page.next
        }
        return book
    }

    private func shopPage(after order: String) async throws -> BookPage {
        let url = (self.layout.shopURL ?? "") + "/book?after=\(order)"
        let headers = ["Authorization": "Bearer \(self.layout.secret("TRANCHE_SAMPLE_SHOP_SECRET"))"]
        let response: CurlResponse
        do { response = try await self.callShop(CurlRequest("GET", url, headers: headers)) } catch {
            throw CommandError("the sample shop does not answer: \(error)")
        }
        guard response.status == 200 else { throw CommandError("GET \(url): status \(response.status)") }
        return try JSON.decode(BookPage.self, from: response.body)
    }

    /// Waits until the shop has heard of everything, the end of every reservation included.
    ///
    /// - Returns: `false` after `seconds` seconds without that.
    package func waitForShop(seconds: Int) async -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        var looks = 0
        while ContinuousClock.now < end {
            // What a unit shows of its consumers is up to 200 ms old: one look is not enough.
            looks = await self.hasHeard() ? looks + 1 : 0
            if looks == 2 { return true }
            try? await Task.sleep(for: .milliseconds(300))
        }
        return false
    }

    private func hasHeard() async -> Bool {
        guard let counts = try? await self.shopPage(after: "").counts, counts["reserved", default: 0] == 0 else {
            return false
        }
        for unit in self.layout.units {
            // Before it is ready, a unit tells nobody anything.
            guard await self.answers(unit.publicURL + "/readyz"),
                let shop = try? await self.consumers(unit).first(where: { $0.consumer == Self.consumer }),
                shop.lag == 0, shop.waiting == 0
            else { return false }
        }
        return true
    }
}
