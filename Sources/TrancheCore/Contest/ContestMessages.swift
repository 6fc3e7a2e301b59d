// Messages of units and the coordinator in a contest. Every list is cumulative and indexed, so loss, repetition and
// reordering of messages are harmless.

/// One contested request, as its unit forwards it.
package struct Candidate: Hashable, Sendable, Codable {
    /// Its place in the unit's queue of the lot, counted from 0 in each generation of the ledger.
    package let index: Int
    package let order: OrderID
    package let quantity: Int
    package let stamp: Stamp
    /// The clock's `eps` at the time of the stamp, in microseconds.
    package let uncertainty: Int64
    package init(index: Int, order: OrderID, quantity: Int, stamp: Stamp, uncertainty: Int64) {
        self.index = index
        self.order = order
        self.quantity = quantity
        self.stamp = stamp
        self.uncertainty = uncertainty
    }
    private enum CodingKeys: String, CodingKey {
        case index = "i", order = "o", quantity = "q", stamp = "s", uncertainty = "e"
    }
}

/// A unit's report to the coordinator, many times a second: new candidates, and its watermark.
package struct ContestReport: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        /// Every candidate below this index is decided.
        package let base: Int
        package let candidates: [Candidate]
        /// The number of the unit's candidates, sent or not.
        package let end: Int
        /// Every request stamped up to here is among the first ``end`` candidates, or was refused.
        package let watermark: Stamp
        /// The number of verdicts that the unit has received.
        package let heard: Int
        package init(
            lot: LotID, base: Int, candidates: [Candidate], end: Int, watermark: Stamp, heard: Int
        ) {
            self.lot = lot
            self.base = base
            self.candidates = candidates
            self.end = end
            self.watermark = watermark
            self.heard = heard
        }
    }
    /// The last answer of the leader that the unit received, so that the leader can measure a round trip.
    package struct Echo: Hashable, Sendable, Codable {
        /// By the leader's clock.
        package let sentAt: Instant
        /// By the unit's clock.
        package let heardAt: Instant
        package init(sentAt: Instant, heardAt: Instant) { (self.sentAt, self.heardAt) = (sentAt, heardAt) }
    }
    package let unit: UnitID
    package let generation: Generation
    /// The epoch of the addressed leader.
    package let epoch: Epoch
    package let lots: [Lot]
    /// Whether the unit itself trusts its clock. The leader judges it, too.
    package var isTrusted: Bool
    /// By the unit's clock. The shell fills both in.
    package var sentAt: Instant
    package var echo: Echo?

    package init(
        unit: UnitID, generation: Generation, epoch: Epoch, isTrusted: Bool, lots: [Lot],
        sentAt: Instant = .distantPast, echo: Echo? = nil
    ) {
        self.sentAt = sentAt
        self.echo = echo
        self.unit = unit
        self.generation = generation
        self.epoch = epoch
        self.isTrusted = isTrusted
        self.lots = lots
    }
}

/// The outcome of a candidate. It is in the authority log before a reply includes it.
package struct Verdict: Hashable, Sendable, Codable {
    package enum Kind: UInt8, Hashable, Sendable, Codable {
        /// The order has its stock.
        case allocated = 1
        /// The order waits for returned stock.
        case waitlisted = 2
        /// The order gets no stock.
        case released = 3
    }
    package let order: OrderID
    package let kind: Kind
    package let generation: Generation
    package init(order: OrderID, kind: Kind, generation: Generation) {
        self.order = order
        self.kind = kind
        self.generation = generation
    }
    private enum CodingKeys: String, CodingKey { case order = "o", kind = "k", generation = "g" }
}

/// The coordinator's answer to a ``ContestReport``.
package struct ContestReply: Hashable, Sendable, Codable {
    package struct Position: Hashable, Sendable, Codable {
        package let order: OrderID
        /// Items that go to earlier orders first.
        package let ahead: Int
        package init(order: OrderID, ahead: Int) { (self.order, self.ahead) = (order, ahead) }
    }
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        /// Whether the report was taken. If not, its candidates must be sent again.
        package let isTaken: Bool
        /// Candidates received without a gap.
        package let next: Int
        /// Candidates with an index below this can still win or wait.
        package let allowance: Int
        /// Verdicts from this number on.
        package let from: Int
        package let verdicts: [Verdict]
        /// No request at or below this stamp can be inserted any more: the unit's next stamps should be above it.
        package let fence: Stamp
        /// Sent at intervals: the places of the unit's waitlisted orders.
        package let positions: [Position]?
        /// Items that may still return.
        package let mayReturn: Int
        package init(
            lot: LotID, isTaken: Bool, next: Int, allowance: Int, from: Int, verdicts: [Verdict], fence: Stamp,
            positions: [Position]?, mayReturn: Int
        ) {
            self.isTaken = isTaken
            self.lot = lot
            self.next = next
            self.allowance = allowance
            self.from = from
            self.verdicts = verdicts
            self.fence = fence
            self.positions = positions
            self.mayReturn = mayReturn
        }
    }
    /// The answer for a lot that the coordinator does not lead yet: send again.
    package static func notTaken(_ lot: LotID) -> Lot {
        Lot(
            lot: lot, isTaken: false, next: 0, allowance: 0, from: 0, verdicts: [], fence: .zero, positions: nil,
            mayReturn: 0)
    }

    package let epoch: Epoch
    /// The generation of the answered report: indexes of another generation mean other candidates.
    package let generation: Generation
    package let lots: [Lot]
    package init(epoch: Epoch, generation: Generation, lots: [Lot]) {
        self.epoch = epoch
        self.generation = generation
        self.lots = lots
    }
}
