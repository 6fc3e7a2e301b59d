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
        /// The candidate's index in its unit's queue. (Earlier versions did not write it.)
        package let index: Int?
        package init(
            order: OrderID, unit: UnitID, generation: Generation, quantity: Int, place: Place, stamp: Stamp,
            uncertainty: Int64, isLate: Bool, index: Int?
        ) {
            self.index = index
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
                uncertainty = "e", isLate = "l", index = "i"
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
