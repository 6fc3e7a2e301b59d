package import TrancheCore

/// What becomes of a plan when its crowd comes, by the product's own rules: without faults, and without a contest.
///
/// In front of each unit is a line that passes as many requests a second as the plan says.
package struct SimulatedPlan: Hashable, Sendable, Codable {
    /// What a run may have; more takes minutes.
    package enum Most {
        package static let buyers = 2_000_000
        package static let milliseconds = 3_600_000
        package static let units = 64
    }

    package let lot: LotID
    /// Missing if the crowd leaves stock over.
    package let soldOutSeconds: Double?
    package let unsoldItems: Int
    /// Requests with a final refusal until then.
    package let refused: Int
    /// Buyers before a unit, all units together, at the worst moment.
    package let waitingAtMost: Int
    /// What each region's units could still sell at the worst moment after the opening.
    package let heldAtMost: [String: Int]

    /// - Parameter plan: Of the same question.
    package static func run(_ question: PlanQuestion, _ plan: SalePlan, seed: UInt64) throws(PlanError)
        -> [SimulatedPlan]
    {
        let units = plan.regions.map { Int($0.units.value) }
        try self.check("crowd.buyers", question.buyers, Most.buyers)
        try self.check("milliseconds of arrivals", question.milliseconds, Most.milliseconds)
        try self.check("units", units.reduce(0, +), Most.units)
        return zip(question.lots, plan.lots).enumerated().map { index, lot in
            var run = Run(question, lot.0, plan, lot.1, units: units, seed: seed &+ UInt64(index))
            return run.run()
        }
    }

    private static func check(_ name: String, _ value: Int, _ limit: Int) throws(PlanError) {
        guard value <= limit else { throw .outOfRange("simulated " + name, value, 0...limit) }
    }

    private struct Run {
        let question: PlanQuestion
        let lot: PlanQuestion.Lot
        let crowd: PlannedCrowd
        /// The region of each unit.
        let regions: [Int]
        let perStep: Double
        var sale: CalmSale
        var waiting: [Int]
        var credit: [Double]

        init(
            _ question: PlanQuestion, _ lot: PlanQuestion.Lot, _ plan: SalePlan, _ planned: SalePlan.Lot, units: [Int],
            seed: UInt64
        ) {
            self.question = question
            self.lot = lot
            self.crowd = PlannedCrowd(question, lot, units: units, seed: seed)
            self.regions = units.indices.flatMap { Array(repeating: $0, count: units[$0]) }
            let names = plan.regions.flatMap { plan.units(of: $0) }
            let count = Double(names.count)
            self.perStep = planned.admittedPerSecond.value / count / Double(CalmSale.stepsPerSecond)
            self.sale = CalmSale(
                .init(
                    items: lot.stock, grants: names.map { planned.grants[$0] ?? 0 },
                    oneWayMilliseconds: self.regions.map { question.regions[$0].oneWayMilliseconds },
                    quantity: question.quantity, buyerLimit: lot.buyerLimit))
            self.waiting = names.map { _ in 0 }
            self.credit = names.map { _ in 0 }
        }

        mutating func run() -> SimulatedPlan {
            var (next, waitingAtMost) = (0, 0)
            var held = self.question.regions.map { _ in 0 }
            // The crowd, and a minute for those who wait or ask again.
            let end = self.question.milliseconds / Int(CalmSale.stepMilliseconds) + 60 * CalmSale.stepsPerSecond
            // With orders of several items the last few may fit into no order.
            while self.sale.sold + self.question.quantity <= self.lot.stock, self.sale.steps < end {
                while next < self.crowd.arrivals.count, self.crowd.arrivals[next].step <= self.sale.steps {
                    self.waiting[self.crowd.arrivals[next].unit] += 1
                    next += 1
                }
                self.sale.step(fresh: self.pass())
                waitingAtMost = max(waitingAtMost, self.waiting.reduce(0, +))
                var now = held.map { _ in 0 }
                for (unit, items) in self.sale.held().enumerated() { now[self.regions[unit]] += items }
                held = zip(held, now).map { max($0, $1) }
            }
            let isSoldOut = self.sale.sold + self.question.quantity > self.lot.stock
            return SimulatedPlan(
                lot: self.lot.id, soldOutSeconds: isSoldOut ? self.sale.seconds : nil,
                unsoldItems: self.lot.stock - self.sale.sold, refused: self.sale.refused, waitingAtMost: waitingAtMost,
                heldAtMost: Dictionary(uniqueKeysWithValues: zip(self.question.regions.map(\.name), held)))
        }

        /// Whose turn it is, by unit. What nobody used is kept for one step.
        private mutating func pass() -> [Int] {
            self.waiting.indices.map { index in
                self.credit[index] += self.perStep
                let passed = min(self.waiting[index], Int(self.credit[index]))
                self.credit[index] = min(self.credit[index] - Double(passed), max(1, self.perStep))
                self.waiting[index] -= passed
                return passed
            }
        }
    }
}
