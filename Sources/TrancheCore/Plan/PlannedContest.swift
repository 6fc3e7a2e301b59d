/// The contest of one lot, as it is expected: how much it is about, who takes part, and what it sends.
struct PlannedContest {
    let items: SalePlan.Figure
    let candidates: SalePlan.Figure
    let bytes: SalePlan.Figure
    /// From a request in a contest to its decision at the farthest unit; 0 without a contest.
    let decisionSeconds: Double

    /// - Parameter soldOut: When all stock is wanted; `nil` if never.
    init(
        _ lot: PlanQuestion.Lot, of question: PlanQuestion, units: Int, soldOut: Double?, _ demand: ExpectedDemand
    ) {
        let settings = Rebalancer.Settings()
        let lookBack = Double(settings.switchMilliseconds) / 1_000
        // Requests a second when the last item is wanted.
        let rate = soldOut.map { end in
            let span = min(end, lookBack)
            return span > 0 ? (demand.passed(by: end) - demand.passed(by: end - span)) / span : 0
        }
        let room = max(0, ContestRoom.itemsLeft(waitlist: lot.terms.waitlist, units: units))
        switch (lot.start, rate) {
        case (.never, _):
            self.items = .init(0, "the sale says never")
        case (_, nil) where lot.start != .fromTheStart:
            self.items = .init(0, "the expected buyers leave stock over, so it does not become scarce")
        case (.whenScarce, let rate):
            let wanted = Rebalancer.items((rate ?? 0) * lookBack * Double(question.quantity))
            self.items = .init(
                Double(min(wanted, lot.stock * settings.contestedPermille / 1_000, room)),
                "what is sold in the \(settings.switchMilliseconds) ms of a switch, "
                    + "at most \(settings.contestedPermille) permille of the stock")
        case (let start, _):
            self.items = .init(
                Double(ContestRoom.items(of: lot.stock, start: start) ?? 0), "the sale says how much is contested")
        }
        guard self.items.value > 0 else {
            self.candidates = .init(0, "without a contest there are none")
            self.bytes = .init(0, "without a contest there are none")
            self.decisionSeconds = 0
            return
        }
        let farthest = question.regions.map(\.oneWayMilliseconds).max() ?? 0
        let decision = Double(2 * farthest + PlanCosts.decisionMilliseconds) / 1_000
        self.decisionSeconds = decision
        let perSecond = min(PlanCosts.decidedPerSecond, max(rate ?? 0, 1e-9))
        let winners = (self.items.value / Double(question.quantity)).rounded(.up) + Double(lot.terms.waitlist)
        // Whoever comes while the contest is open; each unit lets in no more than could still win or wait.
        let before = (Double(lot.stock) - self.items.value) / Double(question.quantity)
        let left = max(0, demand.total - before)
        let entered = min(left, Double(units) * winners, (rate ?? 0) * decision + winners)
        self.candidates = .init(
            entered.rounded(.up),
            "the items and the \(lot.terms.waitlist) places of the waitlist, and who comes in the "
                + "\(Int(decision * 1_000)) ms of a decision; never more than come, or than each unit lets in")
        let open = decision + min(winners, left) / perSecond
        let reports = Double(units) * PlanCosts.contestReportsPerSecond * open
        self.bytes = .init(
            (entered.rounded(.up) * Double(PlanCosts.candidateBytes) + reports * Double(PlanCosts.contestReportBytes))
                .rounded(),
            "\(PlanCosts.candidateBytes) bytes for each, and for \(Int((open * 1_000).rounded(.up))) ms a report of each "
                + "unit every \(ContestQueue.reportMilliseconds) ms, \(PlanCosts.contestReportBytes) bytes with its answer"
        )
    }
}
