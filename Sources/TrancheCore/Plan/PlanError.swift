/// Why there is no plan. Every case names the bad value and its limit.
package enum PlanError: Error, Hashable, Sendable, CustomStringConvertible {
    case outOfRange(String, Int, ClosedRange<Int>)
    case tooMany(String, Int, limit: Int)
    /// A product of counts, each of which is within its own limit.
    case tooMuchWork(String, Int, limit: Int)
    case none(String)
    case noShare(String)
    case invalidRegion(String)
    case repeatedRegion(String)
    /// A region's name is that of another region's unit: a region with more units than one has units NAME-1, NAME-2, …
    case repeatedUnit(String)
    /// An order of more items than a buyer may have.
    case quantity(Int, lot: LotID, limit: Int)
    case tooManyUnits(Int, limit: Int)
    case unknownUnit(String, lot: LotID, known: [String])
    /// Fixed grants of more than there is.
    case fixed(Int, lot: LotID, stock: Int)
    case unknownLot(String)

    package var description: String {
        switch self {
        case .outOfRange(let name, let value, let range):
            "\(name) \(value) is not in \(range.lowerBound)...\(range.upperBound)"
        case .tooMany(let name, let count, let limit): "\(count) \(name), at most \(limit)"
        case .tooMuchWork(let name, let product, let limit):
            "\(name) are \(product) together, at most \(limit): ask about fewer of one at a time"
        case .none(let name): "there are no \(name), at least 1"
        case .noShare(let name): "the shares of all \(name) are 0, at least one must be more"
        case .invalidRegion(let name):
            "the region's name \"\(name)\" has \(name.utf8.count) bytes, but must have 1...\(Limits.regionBytes)"
        case .repeatedRegion(let name): "there are two regions \"\(name)\""
        case .repeatedUnit(let name): "the plan would have two units \"\(name)\": give a region another name"
        case .quantity(let quantity, let lot, let limit):
            "crowd.quantity \(quantity) is more than perBuyerLimit \(limit) of lot \(lot)"
        case .tooManyUnits(let units, let limit):
            "the plan needs \(units) units, at most \(limit): expect fewer buyers at a time, or rehearse larger units"
        case .unknownUnit(let name, let lot, let known):
            "lot \(lot): the plan has no unit \"\(name)\", but \(known.joined(separator: ", "))"
        case .fixed(let items, let lot, let stock):
            "lot \(lot): the fixed quotas add up to \(items), but the stock is \(stock)"
        case .unknownLot(let id): "crowd.lotShares: the sale has no lot \(id)"
        }
    }
}

extension PlanQuestion {
    /// The largest of each value. No product of them leaves the numbers that a `Double` has exactly, or an `Int`.
    package enum Most {
        package static let buyers = 1_000_000_000
        package static let share = 1_000_000
        package static let spans = 1_000
        /// Spans times regions times lots, and units times lots: a plan's time grows with these products.
        package static let work = 1_000_000
        package static let spanMilliseconds = 86_400_000
        package static let oneWayMilliseconds = 60_000
        package static let capacity = 10_000_000
    }

    package func check() throws(PlanError) {
        try Self.check("crowd.buyers", self.buyers, 1...Most.buyers)
        try Self.check("crowd.quantity", self.quantity, 1...Limits.quantityPerOrder)
        if let capacity { try Self.check("unitCapacity", capacity, 1...Most.capacity) }
        try Self.check(count: self.spans.count, "spans of arrivals", Most.spans)
        for (index, span) in self.spans.enumerated() {
            try Self.check("crowd.arrivals[\(index)].milliseconds", span.milliseconds, 1...Most.spanMilliseconds)
            try Self.check("crowd.arrivals[\(index)].share", span.share, 0...Most.share)
        }
        if self.shareOfSpans == 0 { throw .noShare("spans of arrivals") }
        try Self.check(count: self.regions.count, "regions", Limits.units)
        var names: Set<String> = []
        for region in self.regions {
            guard (1...Limits.regionBytes).contains(region.name.utf8.count) else { throw .invalidRegion(region.name) }
            guard names.insert(region.name).inserted else { throw .repeatedRegion(region.name) }
            try Self.check("region \(region.name): share", region.share, 0...Most.share)
            try Self.check(
                "region \(region.name): oneWayMilliseconds", region.oneWayMilliseconds, 0...Most.oneWayMilliseconds)
            if let units = region.units { try Self.check("region \(region.name): units", units, 1...Limits.units) }
        }
        if self.shareOfRegions == 0 { throw .noShare("regions") }
        try self.checkLots()
    }

    private func checkLots() throws(PlanError) {
        try Self.check(count: self.lots.count, "lots", Limits.lots)
        try Self.check(
            work: self.spans.count * self.regions.count * self.lots.count,
            "\(self.spans.count) spans of arrivals x \(self.regions.count) regions x \(self.lots.count) lots")
        for lot in self.lots {
            try Self.check("lot \(lot.id): stock", lot.stock, 1...Limits.stockPerLot)
            try Self.check("lot \(lot.id): perBuyerLimit", lot.buyerLimit, 1...Limits.quantityPerOrder)
            try Self.check("lot \(lot.id): poolPermille", lot.poolPermille, 0...1_000)
            try Self.check("lot \(lot.id): share", lot.share, 0...Most.share)
            guard self.quantity <= lot.buyerLimit else {
                throw .quantity(self.quantity, lot: lot.id, limit: lot.buyerLimit)
            }
            for (name, value) in (lot.fixed ?? lot.weights ?? [:]).sorted(by: { $0.key < $1.key }) {
                try Self.check("lot \(lot.id): quota of \(name)", value, 0...Limits.stockPerLot)
            }
            let fixed = (lot.fixed ?? [:]).values.reduce(0, +)
            guard fixed <= lot.stock else { throw .fixed(fixed, lot: lot.id, stock: lot.stock) }
        }
        if self.shareOfLots == 0 { throw .noShare("lots") }
    }

    /// The plan's units need names of their own, and the names in lots must be among them.
    func check(units: [String]) throws(PlanError) {
        try Self.check(work: units.count * self.lots.count, "\(units.count) units x \(self.lots.count) lots")
        var known: Set<String> = []
        for name in units where !known.insert(name).inserted { throw .repeatedUnit(name) }
        for lot in self.lots {
            for name in (lot.fixed ?? lot.weights ?? [:]).keys.sorted() where !known.contains(name) {
                throw .unknownUnit(name, lot: lot.id, known: Array(units.prefix(8)))
            }
        }
    }

    private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(PlanError) {
        guard range.contains(value) else { throw .outOfRange(name, value, range) }
    }

    private static func check(work: Int, _ name: String) throws(PlanError) {
        guard work <= Most.work else { throw .tooMuchWork(name, work, limit: Most.work) }
    }

    private static func check(count: Int, _ name: String, _ limit: Int) throws(PlanError) {
        guard count > 0 else { throw .none(name) }
        guard count <= limit else { throw .tooMany(name, count, limit: limit) }
    }
}
