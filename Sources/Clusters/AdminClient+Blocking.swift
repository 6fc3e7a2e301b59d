package import LoadGenerator
import Terminal
import TrancheAPI

extension AdminClient {
    /// Gates fetch a new version by a call that waits for it: they have it within this time, unless the center is slow.
    private static let gateMilliseconds = 1_000

    /// Blocks the visitors of a crowd who shall be blocked, and waits until units know it.
    package func block(_ arrivals: [Arrival], in sale: String) async throws {
        let buyers = Set(arrivals.lazy.filter { $0.kind == .blocked }.map(\.buyer)).sorted()
        guard !buyers.isEmpty else { return }
        for buyer in buyers {
            _ = try await self.call("PUT", "/v1/sales/\(sale)/blocked/\(buyer)", as: SaleDocument.self)
        }
        let end = ContinuousClock.now + .seconds(10)
        while !(try await self.sale(sale)).readiness.missing.filter({ $0.contains("version") }).isEmpty {
            guard ContinuousClock.now < end else {
                throw CommandError("not every unit knows the blocked buyers after 10 s")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await Task.sleep(for: .milliseconds(Self.gateMilliseconds))
    }
}
