import TrancheAPI
import TrancheCore

/// One sale of a rehearsal: its stock, its crowd and its faults.
package struct RehearsalPlan: Codable, Sendable {
    static let sale = "rehearsal"
    static let lot = LotID(1)
    /// A second lot that never sells out: a unit that can sell it works.
    static let probeLot = LotID(2)
    static let probeStock = 100_000
    static let paymentWindowMilliseconds: Int64 = 4_000

    package var seed: UInt64
    package var stock: Int
    package var buyers: Int
    package var seconds: Double
    package var weights: [Int]
    package var faults: [RehearsalFault]
    /// The number of the first fault.
    package var firstFault: Int

    package init(
        seed: UInt64, stock: Int, buyers: Int, seconds: Double, weights: [Int], faults: [RehearsalFault],
        firstFault: Int = 0
    ) {
        self.seed = seed
        self.stock = stock
        self.buyers = buyers
        self.seconds = seconds
        self.weights = weights
        self.faults = faults
        self.firstFault = firstFault
    }

    /// Requests per second at the busiest unit.
    package var busiestPerSecond: Double {
        let total = max(1, self.weights.reduce(0, +))
        return Double(self.buyers) / self.seconds * Double(self.weights.max() ?? 0) / Double(total)
    }

    func config(now: Int64) -> SaleConfig.Sale {
        SaleConfig.Sale(
            id: Self.sale, name: "rehearsal", startsAtMilliseconds: now, endsAtMilliseconds: now + 3_600_000,
            paymentWindowMilliseconds: Self.paymentWindowMilliseconds,
            lots: [
                .init(id: Self.lot, name: "rehearsal", stock: self.stock, perBuyerLimit: 1, poolPermille: 100),
                .init(
                    id: Self.probeLot, name: "probe", stock: Self.probeStock, perBuyerLimit: 1, poolPermille: 500,
                    contest: .init(when: .never)),
            ])
    }
}
