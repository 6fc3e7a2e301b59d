/// How one lot of a plan will be sold.
struct PlannedSale {
    /// Of all units.
    let orders: Double
    let plan: SalePlan.Lot
    private let lot: PlanQuestion.Lot
    /// Of each region: the first grants of its units, and the items of its demand in the time of a refill.
    private let held: [(granted: Int, refill: Int)]

    init(_ lot: PlanQuestion.Lot, of question: PlanQuestion, at units: PlannedUnits) {
        let quantity = Double(question.quantity)
        let part = Double(lot.share) / Double(question.shareOfLots)
        let buyers = Double(question.buyers) * part
        let permille = lot.line.needsEntry ? LineController.capacityPermille : 1_000
        let perUnit = Double(units.capacity * permille) / 1_000 * part
        let shares = Double(question.shareOfRegions)
        let demand = ExpectedDemand(
            spans: question.spans,
            regions: question.regions.indices.map { index in
                let share = Double(question.regions[index].share) / shares
                return (buyers * share, max(perUnit * Double(units.counts[index]), 1e-9))
            })
        let soldOut = demand.seconds(until: Double(lot.stock) / quantity)
        self.lot = lot
        self.orders = min(demand.total, Double(lot.stock) / quantity)
        let advised = Dictionary(uniqueKeysWithValues: zip(units.names, units.weights))
        let grants = QuotaPlan.grants(
            of: lot.stock, poolPermille: lot.poolPermille, weights: lot.weights ?? advised, fixed: lot.fixed,
            start: lot.start, among: units.names)
        let seconds = Double(Rebalancer.Settings().replyMilliseconds) / 1_000 * 4
        self.held = question.regions.indices.map { index in
            let granted = units.names[units.indexes(of: index)].reduce(0) { $0 + (grants[$1] ?? 0) }
            let refill = units.peak(index, question).value * part * quantity * seconds
            return (granted, Rebalancer.items(refill))
        }
        let contest = PlannedContest(lot, of: question, units: units.count, soldOut: soldOut, demand)
        self.plan = SalePlan.Lot(
            id: lot.id, grants: grants,
            admittedPerSecond: Self.admitted(lot, perUnit, units),
            soldOutSeconds: Self.soldOut(lot, soldOut, contest),
            unsoldItems: .init(
                soldOut == nil ? Double(lot.stock) - (demand.total * quantity).rounded(.down) : 0,
                "the stock, less what the expected buyers want"),
            settledSeconds: Self.settled(question, soldOut, contest, demand),
            buyersServed: .init(
                (self.orders * quantity / Double(lot.buyerLimit)).rounded(.up),
                "at least: the items that are sold, if each of these buyers has \(lot.buyerLimit), as many as one may"),
            contestedItems: contest.items, candidates: contest.candidates, contestBytes: contest.bytes)
    }

    /// What is unreliable when a region is lost at the worst moment: what its units may still sell.
    func stranded(region: Int) -> Int {
        if self.lot.start == .fromTheStart { return 0 }
        return min(self.lot.stock, max(self.held[region].granted, self.held[region].refill))
    }

    private static func admitted(_ lot: PlanQuestion.Lot, _ perUnit: Double, _ units: PlannedUnits) -> SalePlan.Figure {
        let all = "its part of \(units.count) units of \(units.capacity) requests/s"
        return SalePlan.Figure(
            perUnit * Double(units.count),
            lot.line.needsEntry
                ? "the line passes \(LineController.capacityPermille) permille of \(all)"
                : "without a line nobody waits for a turn: \(all) is what they can answer")
    }

    private static func soldOut(
        _ lot: PlanQuestion.Lot, _ seconds: Double?, _ contest: PlannedContest
    ) -> SalePlan.Figure? {
        guard let seconds else { return nil }
        let wanted = "the moment when the requests for \(lot.stock) items have passed the gates"
        if lot.start == .never {
            return .init(
                seconds * PlanCosts.slowdown,
                wanted + ", times 1.04, because the last items have to move between regions (docs/performance.md)")
        }
        return .init(seconds + contest.decisionSeconds, wanted + ", and the decision about the last one")
    }

    private static func settled(
        _ question: PlanQuestion, _ soldOut: Double?, _ contest: PlannedContest, _ demand: ExpectedDemand
    ) -> SalePlan.Figure {
        let last = soldOut ?? demand.seconds(until: demand.total) ?? 0
        return .init(
            last + contest.decisionSeconds + Double(question.paymentWindowMilliseconds) / 1_000,
            "the last order, and the payment window of \(question.paymentWindowMilliseconds) ms; "
                + "an item that comes back and is sold again has a window of its own")
    }
}
