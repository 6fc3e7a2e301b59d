import Storage
import TrancheCore

/// The fairness of a contest, from the ledgers and the authority log alone.
package struct FairnessReport: Sendable, Codable {
    package struct Region: Sendable, Codable {
        package let name: String
        /// Requests of the unit in the contest.
        package let contested: Int
        /// The winners of a first-come order at this unit, and the real winners at this unit.
        package let first: Int
        package let won: Int
        package let late: Int
        /// Decisions that did not wait for the unit.
        package let notWaitedFor: Int
    }
    package let lot: UInt32
    package let policy: String
    /// Requests with a final place, and those that got stock which existed when the contest began.
    package let passed: Int
    package let won: Int
    /// Winners that a first-come order of all ledgers would not have picked.
    package let misallocated: Int
    /// Largest difference between a region's share of the winners and its share of the first, in points.
    package let shareErrorPoints: Double
    /// Pairs of neighbours in the log that are not in order of their stamps, as a share.
    package let outOfSequence: Double
    /// Requests so close to the cut that the clocks cannot order them.
    package let uncertainBand: Int
    package let late: Int
    /// From the stamp to the decision, by the clocks of unit and coordinator.
    package let holdMillisecondsP50: Double
    package let holdMillisecondsP99: Double
    /// From the stamp to the moment when the unit made the decision durable, by the unit's clock alone.
    package let decisionMillisecondsP50: Double
    package let decisionMillisecondsP99: Double
    package let regions: [Region]

    package var misallocationPercent: Double {
        self.won == 0 ? 0 : Double(self.misallocated) / Double(self.won) * 100
    }

    private struct Request {
        let order: OrderID
        let unit: Int
        /// The stamp's microsecond, corrected by the clock's error where it is known.
        let at: Int64
        /// The stamp's counter, which orders requests of the same microsecond.
        let counter: UInt64
        /// The tie key, which orders equal stamps; the highest value for a request that the log does not have.
        let tie: UInt64
        let quantity: Int
        let uncertainty: Int64

        static func isFirst(_ left: Request, _ right: Request) -> Bool {
            (left.at, left.counter, left.tie, left.order) < (right.at, right.counter, right.tie, right.order)
        }
    }

    init(
        _ contest: ContestEvidence, _ units: [UnitEvidence], offsets: [String: Int64], windowMilliseconds: Int64
    ) {
        // All requests of the contest, in true order.
        let ties = Dictionary(contest.passed.map { ($0.entrant.order, $0.entrant.place.tie) }) { first, _ in first }
        let requests = units.enumerated().flatMap { place, unit in
            unit.contested.values.filter { $0.order.lot == contest.lot }.map { one in
                Request(
                    order: one.order.id, unit: place,
                    at: one.order.stamp.instant.microseconds - (offsets[unit.name] ?? 0),
                    counter: one.order.stamp.counter, tie: ties[one.order.id] ?? .max,
                    quantity: Int(one.order.quantity), uncertainty: one.uncertainty)
            }
        }.sorted(by: Request.isFirst)
        // Winners of the stock at the beginning of the contest. Returned stock belongs to the waitlist.
        let stock = contest.poolAtSwitch + units.reduce(0) { $0 + ($1.leftover[contest.lot] ?? 0) }
        func within<Request>(_ requests: [Request], _ quantity: (Request) -> Int) -> [Request] {
            var left = stock
            return requests.filter { request in
                guard quantity(request) <= left else { return false }
                left -= quantity(request)
                return true
            }
        }
        let winners = Set(within(contest.winners) { $0.quantity }.map(\.order))
        let first = Array(requests.prefix(winners.count))
        let firstOrders = Set(first.map(\.order))
        let names = Dictionary(uniqueKeysWithValues: units.map { ($0.audit.unit, $0.name) })
        func share(_ count: Int) -> Double { winners.isEmpty ? 0 : Double(count) / Double(winners.count) * 100 }
        let regions = units.enumerated().map { place, unit in
            let mine = requests.filter { $0.unit == place }
            return Region(
                name: unit.name, contested: mine.count, first: first.count { $0.unit == place },
                won: mine.count { winners.contains($0.order) },
                late: contest.passed.count { $0.entrant.isLate && names[$0.entrant.unit] == unit.name },
                notWaitedFor: contest.excluded[unit.audit.unit] ?? 0)
        }
        let pairs = zip(contest.passed, contest.passed.dropFirst())
        let swapped = pairs.count { $0.entrant.stamp > $1.entrant.stamp }
        let holds = contest.passed.map { decided in
            Double(decided.at.microseconds - decided.entrant.stamp.instant.microseconds) / 1_000
        }.sorted()
        // An order that waited for returned stock was not decided at once, and does not count here.
        let atOnce = Set(contest.passed.filter { $0.endedAt == nil || $0.endedAt == $0.at }.map(\.entrant.order))
        let decisions = units.flatMap { unit in
            unit.contested.values.compactMap { one -> Double? in
                guard one.order.lot == contest.lot, atOnce.contains(one.order.id), let deadline = one.deadline else {
                    return nil
                }
                let decided = one.state == .lost ? deadline : deadline.advanced(milliseconds: -windowMilliseconds)
                return Double(decided.microseconds - one.order.stamp.instant.microseconds) / 1_000
            }
        }.sorted()
        func percentile(_ values: [Double], _ share: Double) -> Double {
            values.isEmpty ? 0 : values[min(values.count - 1, Int(Double(values.count) * share))]
        }
        self.lot = contest.lot.rawValue
        self.policy = "\(contest.terms.policy)"
        self.passed = contest.passed.count
        self.won = winners.count
        self.misallocated = winners.subtracting(firstOrders).count
        self.shareErrorPoints = regions.map { abs(share($0.won) - share($0.first)) }.max() ?? 0
        self.outOfSequence = contest.passed.count < 2 ? 0 : Double(swapped) / Double(contest.passed.count - 1)
        let cut = first.last
        self.uncertainBand = requests.count { one in
            guard let cut, requests.count > winners.count else { return false }
            return abs(one.at - cut.at) <= one.uncertainty + cut.uncertainty
        }
        self.late = contest.passed.count { $0.entrant.isLate }
        self.holdMillisecondsP50 = percentile(holds, 0.5)
        self.holdMillisecondsP99 = percentile(holds, 0.99)
        self.decisionMillisecondsP50 = percentile(decisions, 0.5)
        self.decisionMillisecondsP99 = percentile(decisions, 0.99)
        self.regions = regions
    }
}
