/// What a plan is asked for: who is expected, where, and for what.
package struct PlanQuestion: Hashable, Sendable {
    /// A length of time, with the part of the buyers who come in it, at a constant rate.
    package struct Span: Hashable, Sendable, Codable {
        package let milliseconds: Int
        package let share: Int
        package init(milliseconds: Int, share: Int) { (self.milliseconds, self.share) = (milliseconds, share) }
    }

    package struct Region: Hashable, Sendable, Codable {
        package let name: String
        /// The part of the buyers who live there.
        package let share: Int
        /// Of a message to the center or the coordinator.
        package let oneWayMilliseconds: Int
        /// How many units it has; the plan chooses if not given.
        package let units: Int?
        package init(name: String, share: Int, oneWayMilliseconds: Int, units: Int? = nil) {
            self.name = name
            self.share = share
            self.oneWayMilliseconds = oneWayMilliseconds
            self.units = units
        }
    }

    /// A lot of the sale, as its document has it.
    package struct Lot: Hashable, Sendable {
        package let id: LotID
        package let stock: Int
        package let buyerLimit: Int
        package let poolPermille: Int
        package let start: ContestStart
        package let terms: ContestTerms
        package let line: LinePolicy
        /// First grants by unit, in place of the plan's own weights: weights, or numbers of items.
        package let weights: [String: Int]?
        package let fixed: [String: Int]?
        /// The part of the buyers who want it.
        package var share = 1
        package init(
            id: LotID, stock: Int, buyerLimit: Int = 1, poolPermille: Int = 0, start: ContestStart = .whenScarce,
            terms: ContestTerms = ContestTerms(policy: .stamp, waitlist: 0), line: LinePolicy = .open,
            weights: [String: Int]? = nil, fixed: [String: Int]? = nil, share: Int = 1
        ) {
            self.weights = weights
            self.fixed = fixed
            self.id = id
            self.stock = stock
            self.buyerLimit = buyerLimit
            self.poolPermille = poolPermille
            self.start = start
            self.terms = terms
            self.line = line
            self.share = share
        }
    }

    /// Each makes one request, for one lot.
    package let buyers: Int
    /// Items of one order.
    package let quantity: Int
    /// From the opening on, one after the other.
    package let spans: [Span]
    package let regions: [Region]
    package let lots: [Lot]
    package let paymentWindowMilliseconds: Int64
    /// The requests for orders that a unit of this hardware can answer in a second, by a rehearsal; that of the
    /// project's own measurement if not given.
    package let capacity: Int?

    package init(
        buyers: Int, quantity: Int = 1, spans: [Span], regions: [Region], lots: [Lot],
        paymentWindowMilliseconds: Int64 = 300_000, capacity: Int? = nil
    ) {
        self.buyers = buyers
        self.quantity = quantity
        self.spans = spans
        self.regions = regions
        self.lots = lots
        self.paymentWindowMilliseconds = paymentWindowMilliseconds
        self.capacity = capacity
    }

    package var shareOfRegions: Int { self.regions.reduce(0) { $0 + $1.share } }
    package var shareOfLots: Int { self.lots.reduce(0) { $0 + $1.share } }
    package var shareOfSpans: Int { self.spans.reduce(0) { $0 + $1.share } }
    package var milliseconds: Int { self.spans.reduce(0) { $0 + $1.milliseconds } }

    /// Buyers who want a lot.
    package func buyers(of lot: Lot) -> Int { self.buyers * lot.share / self.shareOfLots }
}
