/// A span of time with the number of entries that arrived in it.
///
/// Spans have lengths of 250 ms times a power of two, and begin at multiples of their length. So of two spans either
/// one contains the other, or they have no moment in common; two lists of spans always have a common form.
package struct ArrivalSpan: Hashable, Sendable {
    /// The shortest span.
    package static let microseconds: Int64 = 250_000
    /// A span of this level contains all moments that a span can have.
    package static let highestLevel = 45

    /// In units of 250 ms since 1970; a multiple of the length.
    package let start: Int64
    /// The length is 250 ms · 2^level.
    package let level: Int
    package internal(set) var count: Int

    /// - Returns: `nil` for values that no gate can have made.
    package init?(start: Int64, level: Int, count: Int) {
        guard (0...Self.highestLevel).contains(level), (0..<(1 << Self.highestLevel)).contains(start),
            start & ((1 << level) - 1) == 0, (0...Limits.entries).contains(count)
        else { return nil }
        self.init(start, level, count)
    }

    package init(_ start: Int64, _ level: Int, _ count: Int) {
        (self.start, self.level, self.count) = (start, level, count)
    }

    /// The shortest span of a moment.
    package init(_ instant: Instant, count: Int = 1) {
        let start = min(max(0, instant.microseconds) / Self.microseconds, (1 << Self.highestLevel) - 1)
        self.init(start, 0, count)
    }

    /// The first unit after the span.
    package var end: Int64 { self.start + 1 << self.level }
    package var startsAt: Instant { Instant(microseconds: self.start * Self.microseconds) }
    package var endsAt: Instant { Instant(microseconds: self.end * Self.microseconds) }

    /// The span with the double length around this one.
    package var wider: ArrivalSpan {
        let level = min(self.level + 1, Self.highestLevel)
        return ArrivalSpan((self.start >> level) << level, level, self.count)
    }

    /// A sorted list without common moments, and the same entries.
    package static func joined(_ spans: [ArrivalSpan]) -> [ArrivalSpan] {
        var joined: [ArrivalSpan] = []
        // A span before the shorter ones in it: with the same start the longest is first.
        for span in spans.sorted(by: { ($0.start, -$0.level) < ($1.start, -$1.level) }) {
            if let last = joined.last, span.start < last.end {
                joined[joined.count - 1].count = last.count + span.count
            } else {
                joined.append(span)
            }
        }
        return joined
    }

    /// At most `limit` spans, of which the older ones are longer: the older half is joined to spans of the double
    /// length until the list fits. The line has mostly passed the old ones, and their exact times no longer matter.
    package static func fitted(_ spans: [ArrivalSpan], limit: Int) -> [ArrivalSpan] {
        var spans = spans
        while spans.count > limit {
            let half = (spans.count + 1) / 2
            spans = Self.joined(spans[..<half].map(\.wider) + spans[half...])
        }
        return spans
    }
}
