import TrancheCore

/// A large sale over many units with very unequal demand that shifts once. It measures whether all stock is sold, and
/// how much later than by one counter for all units without latency.
package struct DistributionWorkload {
    package struct Settings: Sendable {
        package var items = 1_000_000
        /// Requests per second, all units together.
        package var perSecond = 50_000
        /// Shares of the demand, by unit.
        package var shares = [60, 20, 8, 5, 3, 2, 1, 1]
        /// Shares after half of the ideal time.
        package var sharesLater = [1, 1, 2, 3, 5, 8, 20, 60]
        /// One-way delay of each unit to the center, in milliseconds.
        package var oneWayMilliseconds = [5, 10, 20, 40, 60, 80, 90, 120]
        /// The part of the stock that stays in the pool at first.
        package var poolPermille = 200
        package init() {}
    }

    package struct Result: Sendable {
        package let items: Int
        package let unsold: Int
        /// Time to sell the last item, divided by the ideal time.
        package let slowdown: Double
    }

    private let settings: Settings
    private var sale: CalmSale
    /// Fractions of a request of each unit, carried over to the next step.
    private var fractions: [Double]

    package static func run(_ settings: Settings) -> Result {
        var workload = DistributionWorkload(settings)
        return workload.run()
    }

    private init(_ settings: Settings) {
        self.settings = settings
        let grants = QuotaPlan.split(
            total: settings.items, poolPermille: settings.poolPermille, weights: settings.shares.map { _ in 1 })
        self.sale = CalmSale(
            .init(items: settings.items, grants: grants, oneWayMilliseconds: settings.oneWayMilliseconds))
        self.fractions = settings.shares.map { _ in 0 }
    }

    private mutating func run() -> Result {
        let ideal = Double(self.settings.items) / Double(self.settings.perSecond)
        let limit = Int(ideal * 3) * CalmSale.stepsPerSecond
        while self.sale.sold < self.settings.items, self.sale.steps < limit {
            let isLater = Double(self.sale.steps + 1) / Double(CalmSale.stepsPerSecond) > ideal / 2
            let shares = isLater ? self.settings.sharesLater : self.settings.shares
            var fresh: [Int] = []
            for index in shares.indices { fresh.append(self.demand(index, share: shares[index])) }
            self.sale.step(fresh: fresh)
        }
        return Result(
            items: self.settings.items, unsold: self.settings.items - self.sale.sold,
            slowdown: self.sale.seconds / ideal)
    }

    private mutating func demand(_ index: Int, share: Int) -> Int {
        let wanted =
            Double(self.settings.perSecond * share) / Double(self.settings.shares.reduce(0, +))
            * Double(CalmSale.stepMilliseconds) / 1_000 + self.fractions[index]
        let fresh = Int(wanted)
        self.fractions[index] = wanted - Double(fresh)
        return fresh
    }
}
