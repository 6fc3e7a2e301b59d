/// One decision of the coordinator for one lot: one record of the authority log.
package struct ContestBatch: Hashable, Sendable, Codable {
    /// A candidate with its final place.
    package struct Entrant: Hashable, Sendable, Codable {
        package let order: OrderID
        package let unit: UnitID
        package let generation: Generation
        package let quantity: Int
        package let place: Place
        /// The unit's stamp. The place has another stamp if the request was late, or by policy.
        package let stamp: Stamp
        package let uncertainty: Int64
        /// It arrived after the frontier had passed its stamp, or its unit's clock was not trusted.
        package let isLate: Bool
        package init(
            order: OrderID, unit: UnitID, generation: Generation, quantity: Int, place: Place, stamp: Stamp,
            uncertainty: Int64, isLate: Bool
        ) {
            self.order = order
            self.unit = unit
            self.generation = generation
            self.quantity = quantity
            self.place = place
            self.stamp = stamp
            self.uncertainty = uncertainty
            self.isLate = isLate
        }
        private enum CodingKeys: String, CodingKey {
            case order = "o", unit = "u", generation = "g", quantity = "q", place = "p", stamp = "s",
                uncertainty = "e", isLate = "l"
        }
    }
    /// Counted from 1; a batch that does not follow the last one is refused.
    package let number: UInt64
    /// By the coordinator's clock.
    package let at: Instant
    /// The highest passed place: a request with a lower place is late.
    package let frontier: Place
    /// Candidates with a new final place, in order, behind all earlier ones.
    package let passed: [Entrant]
    /// Orders that get stock, in order of the line.
    package let allocated: [OrderID]
    /// Orders that leave the line without stock.
    package let released: [OrderID]
    /// Units whose watermark the batch waited for. Requests of the others may be late.
    package let waited: [UnitID]

    package init(
        number: UInt64, at: Instant, frontier: Place, passed: [Entrant], allocated: [OrderID], released: [OrderID],
        waited: [UnitID]
    ) {
        self.number = number
        self.at = at
        self.frontier = frontier
        self.passed = passed
        self.allocated = allocated
        self.released = released
        self.waited = waited
    }
}

/// The contest of one lot as the authority log has it: the fold of its batches.
///
/// A new coordinator starts from it alone.
package struct ContestBook: Hashable, Sendable, Codable {
    package let terms: ContestTerms
    package private(set) var batches: UInt64 = 0
    package private(set) var frontier = Place.zero
    /// Orders with a final place and without stock: the waitlist.
    package private(set) var line: [ContestBatch.Entrant] = []
    /// The verdicts for each unit, in order.
    package private(set) var verdicts: [UnitID: [Verdict]] = [:]
    /// Orders that have ever had a final place, with the generation of their unit's ledger at that time.
    package private(set) var known: [OrderID: Generation] = [:]

    package init(terms: ContestTerms) { self.terms = terms }

    private enum CodingKeys: String, CodingKey { case terms, batches, frontier, line, verdicts }

    /// Every passed order has a verdict, so ``known`` is not stored.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.terms = try container.decode(ContestTerms.self, forKey: .terms)
        self.batches = try container.decode(UInt64.self, forKey: .batches)
        self.frontier = try container.decode(Place.self, forKey: .frontier)
        self.line = try container.decode([ContestBatch.Entrant].self, forKey: .line)
        self.verdicts = try container.decode([UnitID: [Verdict]].self, forKey: .verdicts)
        for verdict in self.verdicts.values.joined() {
            self.known[verdict.order] = max(self.known[verdict.order] ?? verdict.generation, verdict.generation)
        }
    }

    /// Whether an order has had its final place in this generation of its unit's ledger.
    package func knows(_ order: OrderID, _ generation: Generation) -> Bool {
        self.known[order].map { $0 >= generation } ?? false
    }

    package mutating func apply(_ batch: ContestBatch) {
        self.batches = batch.number
        self.frontier = max(self.frontier, batch.frontier)
        for entrant in batch.passed { self.known[entrant.order] = entrant.generation }
        let allocated = Set(batch.allocated)
        let released = Set(batch.released)
        var left: [ContestBatch.Entrant] = []
        for (place, entrant) in (self.line + batch.passed).enumerated() {
            if allocated.contains(entrant.order) {
                self.tell(entrant, .allocated)
            } else if released.contains(entrant.order) {
                self.tell(entrant, .released)
            } else {
                if place >= self.line.count { self.tell(entrant, .waitlisted) }
                left.append(entrant)
            }
        }
        self.line = left
    }

    /// The entrants that get stock by `batch`, from the line and the batch itself.
    package func entrants(of batch: ContestBatch) -> [ContestBatch.Entrant] {
        let allocated = Set(batch.allocated)
        return (self.line + batch.passed).filter { allocated.contains($0.order) }
    }

    private mutating func tell(_ entrant: ContestBatch.Entrant, _ kind: Verdict.Kind) {
        self.verdicts[entrant.unit, default: []].append(
            Verdict(order: entrant.order, kind: kind, generation: entrant.generation))
    }
}
