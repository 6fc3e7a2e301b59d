import Clusters
import Foundation
import TrancheCore
import Verification

extension DemoCommand {
    /// How long the provider may take to tell of every payment, and to give back what is due.
    static let providerSeconds = 60

    /// The provider's book, when every callback is answered and every refund is done, or when both have had the time
    /// for it. Before the shop's: it hears of refunds, too.
    func providerBook(_ client: AdminClient, _ story: Story) async throws -> [ProviderEntry] {
        let start = ContinuousClock.now
        let isSettled = await client.waitForProvider(seconds: Self.providerSeconds)
        let seconds = Self.text(ContinuousClock.now - start)
        story.note(
            isSettled
                ? "the provider has told of every payment and given back what was due, \(seconds) s after the sale"
                : "the provider has not told of every payment, or not given back what was due, within \(seconds) s")
        return try await client.providerBook()
    }

    private static func text(_ duration: Duration) -> String {
        let took = duration.components
        return String(format: "%.1f", Double(took.seconds) + Double(took.attoseconds) / 1e18)
    }

    /// How long the shop may take to hear of the whole sale: the end of the last reservation is told after its window.
    /// It is for slow machines; a demo waits no longer than the shop needs.
    static let shopSeconds = 60

    /// The shop's book, when it has heard of the whole sale, or has had the time for it.
    func shopBook(_ client: AdminClient, _ story: Story) async throws -> [OrderID: BookedOrder] {
        let start = ContinuousClock.now
        let hasHeard = await client.waitForShop(seconds: Self.shopSeconds)
        let seconds = Self.text(ContinuousClock.now - start)
        story.note(
            hasHeard
                ? "the shop has heard of every order, \(seconds) s after the sale"
                : "the shop has not heard of every order within \(seconds) s")
        return try await client.shopBook()
    }
}
