/// How many entries a lot has, and when they arrived: what the center needs to know to move the threshold.
///
/// The numbers are cumulative, as in the quota protocol: a gate reports all of them each time, and the receiver keeps
/// the maximum, so loss, repetition and reordering of reports are harmless. No entry is known by name.
///
/// Draws are uniform, so one total is enough for them. Arrivals are counted in spans of 250 ms, at most
/// ``Limits/arrivalSpans`` of them.
package struct ArrivalCounts: Hashable, Sendable {
    /// Entries with a draw.
    package private(set) var drawn = 0
    /// In the order of time; without empty ones.
    package private(set) var spans: [ArrivalSpan] = []
    /// All entries until this moment are counted; later ones may be. The threshold stays below it, because a crowd that
    /// is not yet reported would pass at once.
    package private(set) var completeUntil: Instant

    package init(completeUntil: Instant = .distantPast) { self.completeUntil = completeUntil }

    /// Takes in the numbers of a report.
    ///
    /// - Returns: `nil` for numbers that no gate can have made: the report is refused whole.
    package init?(drawn: Int, spans: [ArrivalSpan], completeUntil: Instant) {
        guard (0...Limits.entries).contains(drawn), spans.count <= Limits.arrivalSpans,
            completeUntil >= .distantPast,
            spans.indices.dropFirst().allSatisfy({ spans[$0 - 1].end <= spans[$0].start })
        else { return nil }
        // At most 256 spans with at most a billion entries each: no sum of them overflows.
        self.drawn = drawn
        self.spans = spans.filter { $0.count > 0 }
        self.completeUntil = completeUntil
    }

    package var arrived: Int { self.spans.reduce(0) { $0 + $1.count } }
    package var total: Int { self.drawn + self.arrived }

    /// Counts one entry. Entries may come out of order by a little; each is counted in its own span.
    package mutating func count(_ rank: EntryRank) {
        guard let arrivedAt = rank.arrivedAt else {
            self.drawn = min(self.drawn + 1, Limits.entries)
            return
        }
        let span = ArrivalSpan(arrivedAt)
        // Almost always it is the last span, or a new one behind it.
        if let index = self.spans.lastIndex(where: { $0.start <= span.start }), self.spans[index].end > span.start {
            self.spans[index].count = min(self.spans[index].count + 1, Limits.entries)
            return
        }
        if let last = self.spans.last, span.start < last.start {
            self.spans = ArrivalSpan.joined(self.spans + [span])
        } else {
            self.spans.append(span)
        }
        self.spans = ArrivalSpan.fitted(self.spans, limit: Limits.arrivalSpans)
    }

    /// The gate has counted everything until `moment`.
    package mutating func complete(until moment: Instant) { self.completeUntil = max(self.completeUntil, moment) }

    /// Takes in another report of the same gate, in any order.
    package mutating func merge(_ report: ArrivalCounts) {
        self.drawn = max(self.drawn, report.drawn)
        self.spans = Self.combine(self.spans, report.spans) { max($0, $1) }
        self.completeUntil = max(self.completeUntil, report.completeUntil)
    }

    /// The entries of all gates of a lot.
    ///
    /// - Parameter heardSince: A gate without an entry or a sign of life since this moment does not hold the line back.
    ///   Its entries count, and entries that it has not reported pass with those who arrived at the same time. If no
    ///   gate was heard, only draws pass.
    package static func sum(_ gates: some Collection<ArrivalCounts>, heardSince: Instant) -> ArrivalCounts {
        var sum = ArrivalCounts()
        for gate in gates {
            sum.drawn = min(sum.drawn + gate.drawn, Limits.entries)
            sum.spans = Self.combine(sum.spans, gate.spans) { min($0 + $1, Limits.entries) }
        }
        sum.completeUntil = gates.map(\.completeUntil).filter { $0 >= heardSince }.min() ?? .distantPast
        return sum
    }

    /// Both lists in the coarser form of the two, combined span by span.
    private static func combine(
        _ left: [ArrivalSpan], _ right: [ArrivalSpan], _ join: (Int, Int) -> Int
    ) -> [ArrivalSpan] {
        if right.isEmpty { return left }
        if left.isEmpty { return right }
        // Without counts, the joined list is the common form.
        let form = ArrivalSpan.joined((left + right).map { ArrivalSpan($0.start, $0.level, 0) })
        var combined: [ArrivalSpan] = []
        combined.reserveCapacity(form.count)
        var (leftIndex, rightIndex) = (0, 0)
        for span in form {
            let one = Self.entries(of: left, from: &leftIndex, before: span.end)
            let other = Self.entries(of: right, from: &rightIndex, before: span.end)
            combined.append(ArrivalSpan(span.start, span.level, join(one, other)))
        }
        return ArrivalSpan.fitted(combined, limit: Limits.arrivalSpans)
    }

    private static func entries(of spans: [ArrivalSpan], from index: inout Int, before end: Int64) -> Int {
        var count = 0
        while index < spans.count, spans[index].start < end {
            count += spans[index].count
            index += 1
        }
        return count
    }
}
