import CurlClient
import Foundation
import NIOConcurrencyHelpers
import TrancheAPI
package import TrancheCore

/// Buys from outside, to see whether a unit sells. Each purchase is one item for a new buyer.
package final class ProbeBuyer: Sendable {
    private static let answerMilliseconds = 2_000
    private static let everyMilliseconds = 20

    private let lot: LotID
    private let codec: TokenCodec
    private let curl: CurlClient
    private let orders = NIOLockedValueBox<[OrderID]>([])

    /// - Parameter lot: A lot with stock enough for all purchases.
    package init(_ layout: ClusterLayout, lot: LotID) {
        self.lot = lot
        self.curl = CurlClient(tls: layout.clientTLS)
        self.codec = TokenCodec(secret: layout.secret("TRANCHE_TOKEN_SECRET"))
    }

    /// Orders that were acknowledged.
    package var acknowledged: [OrderID] { self.orders.withLockedValue { $0 } }

    package func buys(at unit: ClusterLayout.Unit) async -> Bool {
        let order = OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let token = self.codec.mint(
            PurchaseToken(
                order: order, lot: self.lot, home: unit.id, buyer: BuyerID("probe-\(order)")!,
                issuedAt: now, notBefore: now.advanced(milliseconds: -5_000),
                expiresAt: now.advanced(milliseconds: 60_000)))
        let request = CurlRequest(
            "POST", unit.publicURL + "/v1/lots/\(self.lot)/orders",
            headers: ["Authorization": "Bearer \(token)"], body: [], timeoutMilliseconds: Self.answerMilliseconds)
        guard let response = try? await self.curl.send(request), response.status == 201 else { return false }
        self.orders.withLockedValue { $0.append(order) }
        return true
    }

    /// Seconds until something holds; `nil` if it takes too long.
    ///
    /// - Parameter limitSeconds: No new attempt begins after this time.
    package static func seconds(
        limitSeconds: Double, until isReached: () async throws -> Bool
    ) async rethrows -> Double? {
        let start = ContinuousClock.now
        while true {
            if try await isReached() { return self.seconds(since: start) }
            guard self.seconds(since: start) < limitSeconds else { return nil }
            try? await Task.sleep(for: .milliseconds(self.everyMilliseconds))
        }
    }

    package static func seconds(since start: ContinuousClock.Instant) -> Double {
        let took = (ContinuousClock.now - start).components
        return Double(took.seconds) + Double(took.attoseconds) / 1e18
    }
}
