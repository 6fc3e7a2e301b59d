/// The requests for one lot as a flow: how many have come at a moment, and how many have reached a unit.
///
/// What a region's units cannot take at once waits at its gates. It is a queue with a constant rate: by a moment `t` the
/// least over all earlier moments `u` of "those who came until `u`, and a full rate since" has passed. Arrivals are straight
/// lines, so only the ends of spans and `t` itself can be that least (Cruz, IEEE Transactions on Information Theory 1991).
struct ExpectedDemand {
    /// The end of each span in seconds, and the part of the buyers who have come by then; from (0, 0) on.
    private let ends: [(at: Double, part: Double)]
    /// For each region: its buyers of this lot, and the requests a second that may pass.
    private let regions: [(buyers: Double, perSecond: Double)]

    init(spans: [PlanQuestion.Span], regions: [(buyers: Double, perSecond: Double)]) {
        let sum = Double(spans.reduce(0) { $0 + $1.share })
        var ends = [(at: 0.0, part: 0.0)]
        var (milliseconds, share) = (0, 0)
        for span in spans {
            milliseconds += span.milliseconds
            share += span.share
            ends.append((Double(milliseconds) / 1_000, Double(share) / sum))
        }
        self.ends = ends
        self.regions = regions
    }

    /// All requests, whenever they come.
    var total: Double { self.regions.reduce(0) { $0 + $1.buyers } }

    /// The part of the buyers who have come by a moment.
    func arrived(by seconds: Double) -> Double {
        var before = (at: 0.0, part: 0.0)
        for end in self.ends {
            guard end.at < seconds else {
                guard end.at > before.at else { return end.part }
                return before.part + (end.part - before.part) * (seconds - before.at) / (end.at - before.at)
            }
            before = end
        }
        return before.part
    }

    /// Requests that have reached a unit.
    func passed(by seconds: Double) -> Double {
        let arrived = self.arrived(by: seconds)
        return self.regions.reduce(0) { sum, region in
            var least = region.buyers * arrived
            for end in self.ends where end.at < seconds {
                least = min(least, region.buyers * end.part + region.perSecond * (seconds - end.at))
            }
            return sum + least
        }
    }

    /// The first moment at which this many requests have reached a unit; `nil` if fewer come.
    func seconds(until requests: Double) -> Double? {
        guard requests <= self.total else { return nil }
        let end = self.ends.last?.at ?? 0
        // By then the slowest region has taken its whole crowd, even if all of it came at the end.
        var (low, high) = (0.0, self.regions.reduce(end) { max($0, end + $1.buyers / $1.perSecond) })
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if self.passed(by: middle) < requests { low = middle } else { high = middle }
        }
        return high
    }
}
