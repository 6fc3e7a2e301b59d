import Testing
import TrancheCore

@Suite("Clock check") struct ClockCheckTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)

    private func trip(offset: Int64, there: Int64, back: Int64, at: Int64 = 0) -> ClockCheck.RoundTrip {
        let sent = Self.now.advanced(milliseconds: at)
        let received = Instant(microseconds: sent.microseconds - offset + there)
        let heard = Instant(microseconds: sent.microseconds + there + back)
        return .init(sent: sent, received: received, answered: received, heard: heard)
    }

    @Test("the uncertainty is the kernel's estimate, with a floor, and grows from that moment")
    func uncertaintyHasFloorAndGrowth() {
        var check = ClockCheck()
        check.observe(kernel: .init(isSynchronised: true, errorMicroseconds: 80), wall: Self.now, monotonic: Self.now)
        #expect(check.uncertaintyMicroseconds == 500)
        check.observe(
            kernel: .init(isSynchronised: true, errorMicroseconds: 3_000), wall: Self.now, monotonic: Self.now)
        check.observe(
            kernel: nil, wall: Self.now.advanced(milliseconds: 10_000),
            monotonic: Self.now.advanced(milliseconds: 10_000))
        #expect(check.uncertaintyMicroseconds == 5_000)
        #expect(check.state == .synced)
    }

    @Test("an unsynchronised kernel gives a configured value") func unsynchronisedKernelGivesConfiguredValue() {
        var check = ClockCheck()
        check.observe(kernel: .init(isSynchronised: false, errorMicroseconds: 5), wall: Self.now, monotonic: Self.now)
        #expect(check.uncertaintyMicroseconds == 1_000)
        #expect(check.state == .degraded)
    }

    @Test(
        "a true clock is never falsified, for any difference between the two ways",
        arguments: [(0, 180), (90, 90), (180, 0)])
    func trueClockIsNeverFalsified(there: Int64, back: Int64) {
        var check = ClockCheck()
        check.observe(self.trip(offset: 0, there: there * 1_000, back: back * 1_000))
        #expect(check.state == .degraded)
    }

    @Test("a clock that is further off than half a round trip allows is falsified", arguments: [2_000, -2_000])
    func wrongClockIsFalsified(milliseconds: Int64) {
        var check = ClockCheck()
        check.observe(self.trip(offset: milliseconds * 1_000, there: 90_000, back: 90_000))
        #expect(check.state == .untrusted)
        // It is trusted again when it is right, after the bad round trips have been dropped.
        check.observe(self.trip(offset: 0, there: 90_000, back: 90_000, at: 21_000))
        #expect(check.state == .degraded)
    }

    @Test("the fastest round trip decides") func fastestRoundTripDecides() {
        var check = ClockCheck()
        check.observe(self.trip(offset: 20_000, there: 90_000, back: 90_000))
        #expect(check.state == .degraded)
        check.observe(self.trip(offset: 20_000, there: 2_000, back: 2_000))
        #expect(check.state == .untrusted)
        #expect(check.best?.offsetMicroseconds == -20_000)
    }

    @Test("a step against the monotonic clock degrades the clock, and is counted") func clockStepDegrades() {
        var check = ClockCheck()
        let kernel = ClockCheck.Kernel(isSynchronised: true, errorMicroseconds: 10)
        check.observe(kernel: kernel, wall: Self.now, monotonic: Self.now)
        check.observe(
            kernel: kernel, wall: Self.now.advanced(milliseconds: 1_300),
            monotonic: Self.now.advanced(milliseconds: 1_000))
        #expect(check.steps == 1)
        #expect(check.state == .degraded)
    }

    @Test("a fence moves a clock ahead, up to a limit") func fenceMovesClockNotFar() {
        var clock = HybridClock(durableCeiling: .zero)
        clock.raise(ceiling: Stamp(Self.now.advanced(milliseconds: 60_000)))
        let near = Stamp(Self.now.advanced(milliseconds: 200))
        clock.advance(past: near, now: Self.now)
        #expect(clock.stamp(now: Self.now) == near.next)
        clock.advance(past: Stamp(Self.now.advanced(milliseconds: 900)), now: Self.now)
        #expect(clock.refusedFences == 1)
        #expect(clock.last == near.next)
    }

    @Test("no stamp falls below a watermark") func noStampFallsBelowWatermark() {
        var clock = HybridClock(durableCeiling: .zero)
        clock.raise(ceiling: Stamp(Self.now.advanced(milliseconds: 60_000)))
        let watermark = clock.watermark(now: Self.now)
        #expect(watermark == Stamp(Self.now))
        #expect(clock.stamp(now: Instant(microseconds: Self.now.microseconds - 5_000))! > watermark)
    }
}

@Suite("Home unit") struct HomeUnitTests {
    static let buyers = (0..<3_000).map { BuyerID("buyer-\($0)")! }

    @Test("every process computes the same home, for any order of the list") func everyPartyComputesTheSameHome() {
        let units = [UnitID(4), UnitID(1), UnitID(9)]
        for buyer in Self.buyers.prefix(100) {
            #expect(HomeUnit.of(buyer, among: units) == HomeUnit.of(buyer, among: units.reversed()))
        }
        #expect(HomeUnit.of(Self.buyers[0], among: []) == nil)
    }

    @Test("buyers are spread over the units, and a new unit moves only its own buyers") func newUnitMovesOnlyItsBuyers()
    {
        let (old, new) = ([UnitID(1), UnitID(2), UnitID(3)], [UnitID(1), UnitID(2), UnitID(3), UnitID(4)])
        var counts: [UnitID: Int] = [:]
        for buyer in Self.buyers {
            let (before, after) = (HomeUnit.of(buyer, among: old)!, HomeUnit.of(buyer, among: new)!)
            counts[before, default: 0] += 1
            #expect(after == before || after == UnitID(4))
        }
        #expect(counts.values.allSatisfy { (800...1_200).contains($0) })
    }
}
