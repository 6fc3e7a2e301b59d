import Clusters
import Foundation
import TrancheCore
import Verification

extension DemoCommand {
    /// How long the shop may take to hear of the whole sale: the end of the last reservation is told after its window.
    /// It is for slow machines; a demo waits no longer than the shop needs.
    static let shopSeconds = 60

    /// The shop's book, when it has heard of the whole sale, or has had the time for it.
    func shopBook(_ client: AdminClient, _ story: Story) async throws -> [OrderID: BookedOrder] {
        let start = ContinuousClock.now
        let hasHeard = await client.waitForShop(seconds: Self.shopSeconds)
        let took = (ContinuousClock.now - start).components
        let seconds = String(format: "%.1f", Double(took.seconds) + Double(took.attoseconds) / 1e18)
        story.note(
            hasHeard
                ? "the shop has heard of every order, \(seconds) s after the sale"
                : "the shop has not heard of every order within \(seconds) s")
        return try await client.shopBook()
    }
}
