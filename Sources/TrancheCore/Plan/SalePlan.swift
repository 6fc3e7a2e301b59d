/// Advice before a sale: what it needs, and how it will go if the expected crowd comes. Each figure says how it came about.
package struct SalePlan: Hashable, Sendable, Codable {
    package struct Figure: Hashable, Sendable, Codable {
        package let value: Double
        package let why: String
        package init(_ value: Double, _ why: String) { (self.value, self.why) = (value, why) }
    }

    package struct Region: Hashable, Sendable, Codable {
        package let name: String
        package let peakPerSecond: Figure
        package let units: Figure
        /// Of each unit.
        package let memoryBytes: Figure
        package let diskBytes: Figure
        package let redisBytes: Figure
        /// Of the Redis of the region's gates.
        package let gateRedisBytes: Figure
        /// If the region is lost at the worst moment.
        package let strandedItems: Figure
        package let affectedBuyers: Figure
    }

    package struct Lot: Hashable, Sendable, Codable {
        package let id: LotID
        /// The first grant of each unit, by name.
        package let grants: [String: Int]
        package let admittedPerSecond: Figure
        /// Missing if the expected crowd does not want all of it.
        package let soldOutSeconds: Figure?
        package let unsoldItems: Figure
        /// After this nobody holds an unpaid item.
        package let settledSeconds: Figure
        package let buyersServed: Figure
        package let contestedItems: Figure
        package let candidates: Figure
        package let contestBytes: Figure
    }

    package let capacityPerSecond: Figure
    /// Parts of 10,000, by unit.
    package let weights: [String: Int]
    package let weightsWhy: String
    package let regions: [Region]
    package let lots: [Lot]

    package static let weightParts = 10_000

    /// - Throws: What is wrong with the question.
    package init(_ question: PlanQuestion) throws(PlanError) {
        try question.check()
        let units = PlannedUnits(question)
        guard units.count <= Limits.units else { throw .tooManyUnits(units.count, limit: Limits.units) }
        try question.check(units: units.names)
        self.capacityPerSecond = Figure(
            Double(units.capacity),
            question.capacity == nil
                ? "the default: one unit with 64 connections in docs/performance.md; "
                    + "rehearse this hardware, and give unitCapacity"
                : "given as unitCapacity")
        self.weights = Dictionary(uniqueKeysWithValues: zip(units.names, units.weights))
        self.weightsWhy =
            "parts of \(Self.weightParts): a region's share of the demand, split evenly over its units"
        let lots = question.lots.map { PlannedSale($0, of: question, at: units) }
        self.lots = lots.map(\.plan)
        self.regions = question.regions.indices.map { Self.region($0, question, units, lots) }
    }

    /// Units of a region, in order.
    package func units(of region: Region) -> [String] {
        PlannedUnits.names(of: region.name, count: Int(region.units.value))
    }

    private static func region(
        _ index: Int, _ question: PlanQuestion, _ units: PlannedUnits, _ lots: [PlannedSale]
    ) -> Region {
        let region = question.regions[index]
        let count = units.counts[index]
        let part = Double(region.share) / Double(question.shareOfRegions)
        let orders = lots.reduce(0) { $0 + $1.orders } * part / Double(count)
        let buyers = (Double(question.buyers) * part).rounded(.up)
        let whole = Int(orders.rounded(.up))
        return Region(
            name: region.name, peakPerSecond: units.peak(index, question), units: units.figure(index, question),
            memoryBytes: Figure(
                Double(whole * PlanCosts.unitBytesPerOrder),
                "\(whole) orders of a unit, \(PlanCosts.unitBytesPerOrder) bytes each (docs/performance.md)"),
            diskBytes: Figure(
                Double(whole * PlanCosts.diskBytesPerOrder + PlanCosts.logBytes),
                "\(whole) orders of a unit, at most \(PlanCosts.diskBytesPerOrder) bytes each with payment and archive, "
                    + "and \(PlanCosts.logBytes >> 20) MB for the log"),
            redisBytes: Figure(
                Double(lots.count * PlanCosts.redisBytesPerLot + PlanCosts.emptyRedisBytes),
                "the last step of each lot (\(lots.count)), at most \(PlanCosts.redisBytesPerLot) bytes, and 1 MB: "
                    + "it does not grow with the orders"),
            gateRedisBytes: Figure(
                buyers * Double(PlanCosts.gateBytesPerBuyer) + Double(PlanCosts.emptyRedisBytes),
                "\(Int(buyers)) buyers, \(PlanCosts.gateBytesPerBuyer) bytes each (docs/performance.md), and 1 MB"),
            strandedItems: self.stranded(index, lots),
            affectedBuyers: Figure(
                buyers,
                "all buyers of the region, if it is lost at the opening; later those who have not been served yet"))
    }

    private static func stranded(_ index: Int, _ lots: [PlannedSale]) -> Figure {
        let items = lots.map { $0.stranded(region: index) }
        return Figure(
            Double(items.reduce(0, +)),
            "in each lot its first grants, or a refill (1.6 s of its demand) if that is more; none of a lot that is "
                + "contested from the start. They return when its ledgers do, or when an operator settles them")
    }
}
