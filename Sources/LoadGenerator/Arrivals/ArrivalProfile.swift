/// When the requests of a run are due.
///
/// A pure value: the same intervals and seed make the same times. Sales do not begin at a constant mean rate, so a
/// profile is a list of intervals, each with a number of requests of its own.
package struct ArrivalProfile: Hashable, Sendable {
    /// A span of time, and the requests that are due at random moments of it.
    package struct Interval: Hashable, Sendable {
        package let microseconds: Int64
        package let requests: Int

        package init(microseconds: Int64, requests: Int) {
            (self.microseconds, self.requests) = (microseconds, requests)
        }

        /// - Parameter perSecond: The mean rate; the number of requests is rounded down.
        package init(seconds: Double, perSecond: Double) {
            self.init(microseconds: Int64(seconds * 1e6), requests: Int(seconds * perSecond))
        }
    }

    /// Requests of one profile: each is prepared in memory, with about 250 bytes.
    package static let requestsLimit = 5_000_000
    /// The time of one profile, in microseconds: an hour.
    package static let microsecondsLimit: Int64 = 3_600_000_000

    package let name: String
    /// When each request is due, in microseconds from the start, by the number of the request; never descending.
    package let due: [Int64]
    /// The end of the last interval, in microseconds from the start. Requests that are sent later are late.
    package let length: Int64

    /// - Parameters:
    ///   - due: In microseconds from the start; never descending, and not above `length`.
    ///   - length: In microseconds.
    package init(_ name: String, due: [Int64], length: Int64) {
        precondition(zip(due, due.dropFirst()).allSatisfy { $0 <= $1 }, "the times of profile \(name) descend")
        precondition(
            due.first ?? 0 >= 0 && due.last ?? 0 <= length, "profile \(name) has times outside of 0...\(length)")
        (self.name, self.due, self.length) = (name, due, length)
    }

    package init(_ name: String, intervals: [Interval], seed: UInt64 = 1) {
        var random = SplitMix(seed: seed)
        var (due, start) = ([Int64](), Int64(0))
        due.reserveCapacity(intervals.reduce(0) { $0 + $1.requests })
        for interval in intervals {
            let span = Int(max(1, interval.microseconds))
            due += (0..<interval.requests).map { _ in start + Int64(random.number(below: span)) }.sorted()
            start += Int64(span)
        }
        self.init(name, due: due, length: start)
    }
}

// The shapes of sales that a unit is measured with.
extension ArrivalProfile {
    /// Everybody comes within the first second.
    package static func firstSecond(requests: Int, seed: UInt64 = 1) -> ArrivalProfile {
        ArrivalProfile("first-second", intervals: [Interval(microseconds: 1_000_000, requests: requests)], seed: seed)
    }

    /// A base rate, a jump to `factor` times that rate, and the base rate again.
    ///
    /// - Parameters:
    ///   - base: Requests a second before and after the jump.
    ///   - seconds: The time of each of the three parts.
    package static func jump(_ factor: Int, base: Double, seconds: Double, seed: UInt64 = 1) -> ArrivalProfile {
        let rates = [base, base * Double(factor), base]
        return ArrivalProfile(
            "jump-\(factor)", intervals: rates.map { Interval(seconds: seconds, perSecond: $0) }, seed: seed)
    }

    /// A constant rate that no server of this machine's size keeps up with: 200,000 requests a second.
    ///
    /// - Parameter requests: A million takes 5 seconds; fewer take less time at the same rate.
    package static func million(requests: Int = 1_000_000, seed: UInt64 = 1) -> ArrivalProfile {
        ArrivalProfile(
            "million", intervals: [Interval(microseconds: Int64(requests) * 5, requests: requests)], seed: seed)
    }
}
