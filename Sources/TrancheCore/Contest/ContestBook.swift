/// The contest of one lot as the authority log has it: the fold of its batches.
///
/// A new coordinator starts from it, without the verdicts: see ``ContestPage``. A snapshot of the log has the verdicts
/// beside it, because they only grow.
package struct ContestBook: Hashable, Sendable {
    /// One generation of a unit's queue.
    package struct Queue: Hashable, Comparable, Sendable, Codable {
        package let unit: UnitID
        package let generation: Generation
        package init(unit: UnitID, generation: Generation) { (self.unit, self.generation) = (unit, generation) }
        package static func < (left: Queue, right: Queue) -> Bool {
            (left.unit, left.generation) < (right.unit, right.generation)
        }
    }

    package let terms: ContestTerms
    package internal(set) var batches: UInt64 = 0
    package internal(set) var frontier = Place.zero
    /// Orders with a final place and without stock: the waitlist.
    package internal(set) var line: [ContestBatch.Entrant] = []
    /// The orders of the line.
    private(set) var lined: [OrderID: Queue] = [:]
    /// The verdicts for each unit.
    package internal(set) var verdicts: [UnitID: VerdictList] = [:]
    /// Candidates that have ever had a final place.
    package internal(set) var passed: [Queue: IndexSpans] = [:]
    /// The same of batches of earlier versions, which did not say the index.
    package internal(set) var unnumbered: [OrderID: Generation] = [:]
    /// Final places so far.
    package internal(set) var passedCount = 0

    package init(terms: ContestTerms) { self.terms = terms }

    /// Whether a candidate has had its final place.
    package func knows(_ order: OrderID, of queue: Queue, index: Int?) -> Bool {
        if let index, self.passed[queue]?.contains(index) == true { return true }
        return self.unnumbered[order].map { $0 >= queue.generation } ?? false
    }

    package mutating func apply(_ batch: ContestBatch) {
        self.batches = batch.number
        self.frontier = max(self.frontier, batch.frontier)
        for entrant in batch.passed { self.note(entrant) }
        let allocated = Set(batch.allocated)
        let released = Set(batch.released)
        var left: [ContestBatch.Entrant] = []
        for (place, entrant) in (self.line + batch.passed).enumerated() {
            if allocated.contains(entrant.order) {
                self.end(entrant, .allocated)
            } else if released.contains(entrant.order) {
                self.end(entrant, .released)
            } else {
                if place >= self.line.count {
                    self.tell(entrant, .waitlisted)
                    self.lined[entrant.order] = entrant.queue
                }
                left.append(entrant)
            }
        }
        self.line = left
    }

    private mutating func end(_ entrant: ContestBatch.Entrant, _ kind: Verdict.Kind) {
        self.tell(entrant, kind)
        if self.lined[entrant.order] == entrant.queue { self.lined[entrant.order] = nil }
    }

    private mutating func note(_ entrant: ContestBatch.Entrant) {
        self.passedCount += 1
        if let index = entrant.index {
            self.passed[entrant.queue, default: IndexSpans()].insert(index)
        } else {
            self.unnumbered[entrant.order] = entrant.generation
        }
    }

    /// Adds an order to the end of the line.
    ///
    /// - Returns: Whether it was not in the line.
    mutating func stand(_ entrant: ContestBatch.Entrant) -> Bool {
        guard self.lined.updateValue(entrant.queue, forKey: entrant.order) == nil else { return false }
        self.line.append(entrant)
        return true
    }

    /// The entrants that get stock by `batch`, from the line and the batch itself.
    package func entrants(of batch: ContestBatch) -> [ContestBatch.Entrant] {
        let allocated = Set(batch.allocated)
        return (self.line + batch.passed).filter { allocated.contains($0.order) }
    }

    /// Forgets the oldest verdicts of each unit, beyond `limit`: a leader can fetch them again.
    mutating func keepVerdicts(_ limit: Int) {
        for index in self.verdicts.values.indices { self.verdicts.values[index].keep(limit) }
    }

    private mutating func tell(_ entrant: ContestBatch.Entrant, _ kind: Verdict.Kind) {
        self.verdicts[entrant.unit, default: VerdictList()].append(
            Verdict(order: entrant.order, kind: kind, generation: entrant.generation))
    }
}

extension ContestBatch.Entrant {
    package var queue: ContestBook.Queue { .init(unit: self.unit, generation: self.generation) }
}

extension ContestBook: Codable {
    private enum CodingKeys: String, CodingKey {
        case terms, batches, frontier, line, told, passed, unnumbered, passedCount
    }

    /// The book without the verdicts themselves. Snapshots of earlier versions have no ``CodingKeys/told``: they are not
    /// read.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(terms: try container.decode(ContestTerms.self, forKey: .terms))
        self.batches = try container.decode(UInt64.self, forKey: .batches)
        self.frontier = try container.decode(Place.self, forKey: .frontier)
        self.verdicts = try container.decode([UnitID: Int].self, forKey: .told).mapValues { VerdictList(first: $0) }
        self.passed = try container.decode([Queue: IndexSpans].self, forKey: .passed)
        self.unnumbered = try container.decode([OrderID: Generation].self, forKey: .unnumbered)
        self.passedCount = try container.decode(Int.self, forKey: .passedCount)
        for entrant in try container.decode([ContestBatch.Entrant].self, forKey: .line) where !self.stand(entrant) {
            throw DecodingError.dataCorruptedError(
                forKey: .line, in: container, debugDescription: "order \(entrant.order) is in the line twice")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.terms, forKey: .terms)
        try container.encode(self.batches, forKey: .batches)
        try container.encode(self.frontier, forKey: .frontier)
        try container.encode(self.line, forKey: .line)
        try container.encode(self.verdicts.mapValues(\.count), forKey: .told)
        try container.encode(self.passed, forKey: .passed)
        try container.encode(self.unnumbered, forKey: .unnumbered)
        try container.encode(self.passedCount, forKey: .passedCount)
    }

    /// Gives a book that was read from a snapshot the verdicts that were stored beside it.
    ///
    /// - Returns: Whether they are as many as the snapshot says.
    package mutating func complete(_ unit: UnitID, with verdicts: VerdictList) -> Bool {
        guard let told = self.verdicts[unit], told.count == verdicts.count, verdicts.first == 0 else { return false }
        self.verdicts[unit] = verdicts
        return true
    }
}
