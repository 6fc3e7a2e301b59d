import Testing
import TrancheCore

@Suite("Limits on requests") struct RateLimitTests {
    static let start = Instant(milliseconds: 1_700_000_000_000)

    /// The most moments of a sorted list in any window, its ends included.
    static func most(_ moments: [Instant], inMicroseconds window: Int64) -> Int {
        var (first, most) = (0, 0)
        for (last, moment) in moments.enumerated() {
            while moment.microseconds - moments[first].microseconds > window { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }

    @Test(
        "no window of 60 seconds has more than the limit, however the requests come",
        arguments: [(100, 10), (300, 10), (7, 3), (10, 10), (1, 1), (60, 59), (1_000, 1)], [UInt64(1), 2, 3, 4])
    func everyWindow(_ numbers: (perMinute: Int, burst: Int), seed: UInt64) throws {
        let limit = try #require(RateLimit(perMinute: numbers.perMinute, burst: numbers.burst))
        var draw = SeededDraw(seed)
        var (state, now) = (Instant.distantPast, Self.start)
        var admitted: [Instant] = []
        for _ in 0..<30_000 {
            // Storms, pauses of about an interval, and long silences.
            switch draw.below(10) {
            case 0..<6: now = Instant(microseconds: now.microseconds + draw.below(Int64(2_000)))
            case 6..<9: now = Instant(microseconds: now.microseconds + draw.below(2 * limit.intervalMicroseconds))
            default: now = Instant(microseconds: now.microseconds + draw.below(Int64(3_000_000)))
            }
            if limit.admit(&state, now: now).isAdmitted { admitted.append(now) }
        }
        #expect(Self.most(admitted, inMicroseconds: 60_000_000) <= numbers.perMinute)
    }

    @Test(
        "whoever asks all the time gets the whole limit in a minute, and the next one is refused",
        arguments: [(100, 10), (300, 10), (61, 1), (10, 10)])
    func wholeLimit(perMinute: Int, burst: Int) throws {
        let limit = try #require(RateLimit(perMinute: perMinute, burst: burst))
        var state = Instant.distantPast
        var admitted = 0
        for millisecond in Int64(0)...60_000 {
            let now = Self.start.advanced(milliseconds: millisecond)
            while limit.admit(&state, now: now).isAdmitted { admitted += 1 }
        }
        // Whole milliseconds lose less than one request of the limit.
        #expect((perMinute - 1...perMinute).contains(admitted), "\(admitted)")
    }

    @Test("a caller of even pace is always admitted", arguments: [(100, 10), (300, 1), (5, 5), (90_000, 7)])
    func evenPace(perMinute: Int, burst: Int) throws {
        let limit = try #require(RateLimit(perMinute: perMinute, burst: burst))
        var (state, now) = (Instant.distantPast, Self.start)
        for _ in 0..<2_000 {
            #expect(limit.admit(&state, now: now) == .admitted)
            now = Instant(microseconds: now.microseconds + limit.intervalMicroseconds)
        }
    }

    @Test("the burst passes at one moment; the refusal names the wait, and the wait is enough") func burstAndWait()
        throws
    {
        let limit = try #require(RateLimit(perMinute: 100, burst: 10))
        var state = Instant.distantPast
        for _ in 0..<10 { #expect(limit.admit(&state, now: Self.start) == .admitted) }
        guard case .refused(let wait) = limit.admit(&state, now: Self.start) else {
            Issue.record("the eleventh request was admitted")
            return
        }
        #expect(wait == 667)
        #expect(!limit.admit(&state, now: Self.start.advanced(milliseconds: Int64(wait) - 1)).isAdmitted)
        #expect(limit.admit(&state, now: Self.start.advanced(milliseconds: Int64(wait))).isAdmitted)
    }

    @Test("a refused request changes nothing") func refusalsAreFree() throws {
        let limit = try #require(RateLimit(perMinute: 10, burst: 2))
        var state = Instant.distantPast
        while limit.admit(&state, now: Self.start).isAdmitted {}
        let before = state
        for _ in 0..<1_000 { _ = limit.admit(&state, now: Self.start) }
        #expect(state == before)
    }

    @Test(
        "numbers outside the rule are refused",
        arguments: [
            (0, 1), (-1, 1), (10, 0), (10, -3), (10, 11), (Limits.requestsPerWindow + 1, 1), (Int.max, Int.max),
        ])
    func badNumbers(perMinute: Int, burst: Int) {
        #expect(RateLimit(perMinute: perMinute, burst: burst) == nil)
        #expect(RateLimit(perSecond: perMinute, burst: burst) == nil)
    }

    @Test("the highest numbers are exact, too", arguments: [1, 1_000, Limits.requestsPerWindow])
    func highestNumbers(burst: Int) throws {
        let limit = try #require(RateLimit(perSecond: Limits.requestsPerWindow, burst: burst))
        var state = Instant.distantPast
        var admitted = 0
        for microsecond in stride(from: Int64(0), through: 1_000_000, by: 1_000) {
            let now = Instant(microseconds: Self.start.microseconds + microsecond)
            while limit.admit(&state, now: now).isAdmitted { admitted += 1 }
        }
        #expect(admitted <= Limits.requestsPerWindow && limit.intervalMicroseconds >= 1)
    }

    @Test("after a step back of the clock a caller waits for one interval at most", arguments: [1, 10])
    func clockStepsBack(burst: Int) throws {
        let limit = try #require(RateLimit(perMinute: 100, burst: burst))
        var state = Instant.distantPast
        while limit.admit(&state, now: Self.start).isAdmitted {}
        let earlier = Self.start.advanced(milliseconds: -3_600_000)
        guard case .refused(let wait) = limit.admit(&state, now: earlier) else {
            Issue.record("a used burst was forgotten")
            return
        }
        #expect(Int64(wait) <= limit.intervalMicroseconds / 1_000 + 1)
        #expect(limit.admit(&state, now: earlier.advanced(milliseconds: Int64(wait))).isAdmitted)
    }

    @Test("no state and no moment stops the process", arguments: [Int64.min, -1, 0, 1, .max], [Int64(0), 1, .max])
    func extremes(state: Int64, now: Int64) throws {
        let limit = try #require(RateLimit(perMinute: 1, burst: 1))
        var state = Instant(microseconds: state)
        _ = limit.admit(&state, now: Instant(microseconds: now))
        _ = limit.admit(&state, now: Instant(microseconds: now))
    }
}
