import TrancheCore

/// The buyers of one lot of a plan, drawn one by one. The same seed and the same crowd give the same people, however many
/// units a plan has for them.
struct PlannedCrowd {
    /// In order of arrival. The unit counts within all units of the plan.
    let arrivals: [(step: Int, unit: Int)]

    /// - Parameter units: Of each region.
    init(_ question: PlanQuestion, _ lot: PlanQuestion.Lot, units: [Int], seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let first = units.indices.map { units[..<$0].reduce(0, +) }
        var starts: [Int] = []
        for span in question.spans { starts.append((starts.last ?? 0) + span.milliseconds) }
        let (spans, regions) = (question.spans.map(\.share), question.regions.map(\.share))
        var arrivals: [(step: Int, unit: Int)] = []
        arrivals.reserveCapacity(question.buyers(of: lot))
        for _ in 0..<question.buyers(of: lot) {
            // Always four draws, so that a plan with more units does not make other people of the next buyers.
            let span = random.index(weights: spans)
            let length = question.spans[span].milliseconds
            let at = starts[span] - length + random.number(0...(length - 1))
            let region = random.index(weights: regions)
            let unit = first[region] + Int(random.next() % UInt64(units[region]))
            arrivals.append((at / Int(CalmSale.stepMilliseconds), unit))
        }
        self.arrivals = arrivals.sorted { ($0.step, $0.unit) < ($1.step, $1.unit) }
    }
}
