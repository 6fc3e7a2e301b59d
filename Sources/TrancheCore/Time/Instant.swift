/// A moment of the wall clock: microseconds since 1970-01-01T00:00:00Z. Time always comes in as an argument.
package struct Instant: Hashable, Comparable, Sendable, Codable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }
    /// Saturates: a date that means "never" must not stop the process.
    package init(milliseconds: Int64) { self = Instant(microseconds: 0).advanced(milliseconds: milliseconds) }

    package var milliseconds: Int64 { self.microseconds / 1_000 }

    package static let distantPast = Instant(microseconds: 0)
    package static let distantFuture = Instant(microseconds: Int64.max)

    package static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }

    /// The moment `milliseconds` later; it saturates instead of overflowing.
    package func advanced(milliseconds: Int64) -> Instant {
        let (product, lost) = milliseconds.multipliedReportingOverflow(by: 1_000)
        let (sum, over) = self.microseconds.addingReportingOverflow(product)
        return lost || over ? (milliseconds < 0 ? .distantPast : .distantFuture) : Instant(microseconds: sum)
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later. It saturates: either may come from a
    /// peer.
    package func milliseconds(since earlier: Instant) -> Int64 {
        let (difference, over) = self.microseconds.subtractingReportingOverflow(earlier.microseconds)
        return (over ? (self > earlier ? .max : .min) : difference) / 1_000
    }

    package init(from decoder: any Decoder) throws {
        self.microseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.microseconds)
    }
}
