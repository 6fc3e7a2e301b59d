import Testing
import TrancheCore

@Suite("Hybrid clock") struct ClockTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)

    private func clock(ceiling: Instant = Self.now.advanced(milliseconds: 1_000)) -> HybridClock {
        var clock = HybridClock(durableCeiling: .zero)
        clock.raise(ceiling: Stamp(ceiling))
        return clock
    }

    @Test("stamps strictly increase while the wall clock stands still, or steps back")
    func stampsStrictlyIncrease() {
        var clock = self.clock()
        var last = Stamp.zero
        for step in [0, 0, 0, -500, -500, 1, 1] as [Int64] {
            let stamp = clock.stamp(now: Self.now.advanced(milliseconds: step))
            #expect(stamp.map { $0 > last } == true)
            last = stamp ?? last
        }
    }

    @Test("no stamp reaches the ceiling") func noStampReachesCeiling() {
        var clock = self.clock(ceiling: Instant(microseconds: Self.now.microseconds + 1))
        var count = 0
        while clock.stamp(now: Self.now) != nil { count += 1 }
        #expect(count == 1 << Stamp.counterBits, "one microsecond has room for 4096 stamps")
        let later = clock.stamp(now: Self.now.advanced(milliseconds: 5))
        #expect(later == nil)
    }

    @Test("a ceiling is wanted half a second ahead") func ceilingIsWantedAhead() {
        var clock = self.clock()
        let early = clock.ceilingWanted(now: Self.now.advanced(milliseconds: 499))
        #expect(early == nil)
        let wanted = clock.ceilingWanted(now: Self.now.advanced(milliseconds: 500))
        #expect(wanted == Stamp(Self.now.advanced(milliseconds: 1_500)))
    }

    @Test("a clock that jumps an hour ahead moves neither stamps nor the ceiling by an hour")
    func clockJumpMovesNothingFar() {
        var clock = self.clock()
        let steady = Instant(milliseconds: 5_000)
        _ = clock.stamp(now: Self.now, steady: steady)
        let hour = Self.now.advanced(milliseconds: 3_600_000)
        let later = steady.advanced(milliseconds: 400)
        let wanted = clock.ceilingWanted(now: hour, steady: later)
        #expect(wanted.map { $0 <= Stamp(Self.now.advanced(milliseconds: 1_700)) } == true)
        let stamp = clock.stamp(now: hour, steady: later)
        #expect(stamp.map { $0 < Stamp(Self.now.advanced(milliseconds: 700)) } == true)
        // A clock that was behind, and is set right, is used when another one has confirmed it.
        clock.confirm(now: hour, steady: later)
        clock.raise(ceiling: Stamp(hour.advanced(milliseconds: 1_000)))
        let confirmed = clock.stamp(now: hour, steady: later)
        #expect(confirmed == Stamp(hour))
    }

    @Test("a start waits for the old ceiling, and refuses a clock that is far behind") func startWaitsForOldCeiling() {
        let ceiling = Stamp(Self.now)
        #expect(HybridClock.start(durableCeiling: ceiling, now: Self.now) == .ready)
        let early = Self.now.advanced(milliseconds: -300)
        #expect(HybridClock.start(durableCeiling: ceiling, now: early) == .wait(milliseconds: 301))
        let behind = Self.now.advanced(milliseconds: -60_000)
        #expect(HybridClock.start(durableCeiling: ceiling, now: behind) == .refuse(behindMilliseconds: 60_000))
    }
}
