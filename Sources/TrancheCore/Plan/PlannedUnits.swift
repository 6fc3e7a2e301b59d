/// The units of a plan, in order of their regions.
struct PlannedUnits {
    let capacity: Int
    /// Requests a second of each region in the busiest span.
    private let peaks: [Double]
    /// Units of each region.
    let counts: [Int]
    let names: [String]
    /// Of all units, in parts of ``SalePlan/weightParts``.
    let weights: [Int]

    var count: Int { self.counts.reduce(0, +) }

    init(_ question: PlanQuestion) {
        let capacity = question.capacity ?? PlanCosts.unitCapacity
        let usable = Double(capacity) * Double(LineController.capacityPermille) / 1_000
        let parts = QuotaPlan.split(
            total: SalePlan.weightParts, poolPermille: 0, weights: question.regions.map(\.share))
        let peaks = Self.peaks(question)
        let counts = question.regions.indices.map { index in
            let wanted = (peaks[index] / usable).rounded(.up)
            return question.regions[index].units ?? max(1, Int(wanted))
        }
        self.capacity = capacity
        self.peaks = peaks
        self.counts = counts
        // A plan with more units is refused, so they need no names.
        let isPossible = counts.reduce(0) { $0 + min($1, Limits.units + 1) } <= Limits.units
        self.names =
            isPossible ? zip(question.regions, counts).flatMap { Self.names(of: $0.name, count: $1) } : []
        self.weights =
            isPossible
            ? zip(parts, counts).flatMap { part, count in
                QuotaPlan.split(total: part, poolPermille: 0, weights: Array(repeating: 1, count: count))
            } : []
    }

    static func names(of region: String, count: Int) -> [String] {
        count == 1 ? [region] : (1...count).map { "\(region)-\($0)" }
    }

    /// The indexes of a region's units.
    func indexes(of region: Int) -> Range<Int> {
        let first = self.counts[..<region].reduce(0, +)
        return first..<(first + self.counts[region])
    }

    func peak(_ region: Int, _ question: PlanQuestion) -> SalePlan.Figure {
        SalePlan.Figure(
            self.peaks[region],
            "its share of \(question.buyers) buyers, in the span in which most come in a second")
    }

    func figure(_ region: Int, _ question: PlanQuestion) -> SalePlan.Figure {
        let count = self.counts[region]
        if question.regions[region].units != nil { return SalePlan.Figure(Double(count), "given") }
        return SalePlan.Figure(
            Double(count),
            "the peak, over \(LineController.capacityPermille) permille of \(self.capacity) requests/s of a unit: "
                + "the rest is for repetitions and questions")
    }

    private static func peaks(_ question: PlanQuestion) -> [Double] {
        let (spans, regions) = (Double(question.shareOfSpans), Double(question.shareOfRegions))
        let most = question.spans.map { span in
            Double(question.buyers) * Double(span.share) / spans / (Double(span.milliseconds) / 1_000)
        }.max()
        return question.regions.map { (most ?? 0) * (Double($0.share) / regions) }
    }
}
