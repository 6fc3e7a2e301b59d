import Testing
import TrancheCore

@Suite("How fast counters rise") struct CounterRatesTests {
    private let start = Instant(milliseconds: 1_000_000)

    @Test("a counter has a rate from its second total on, and the rate follows smoothly")
    func ratesFollowSmoothly() throws {
        var rates = CounterRates<String>()
        #expect(rates.take(["a": 10], now: self.start).isEmpty)
        #expect(rates.take(["a": 30], now: self.start.advanced(milliseconds: 1_000)) == ["a": 20])
        let third = rates.take(["a": 30], now: self.start.advanced(milliseconds: 2_500))
        // 1.5 s of the 3 s after which the newest counts in full.
        #expect(third == ["a": 10])
        #expect(rates.take(["a": 60], now: self.start.advanced(milliseconds: 12_500)) == ["a": 3])
    }

    @Test("a counter that falls, or was not there, begins anew") func fallenCounterBeginsAnew() {
        var rates = CounterRates<String>()
        _ = rates.take(["a": 10, "b": 5], now: self.start)
        _ = rates.take(["a": 20, "b": 6], now: self.start.advanced(milliseconds: 1_000))
        let fallen = rates.take(["a": 3, "c": 1], now: self.start.advanced(milliseconds: 2_000))
        #expect(fallen.isEmpty)
        let next = rates.take(["a": 5, "b": 9, "c": 1], now: self.start.advanced(milliseconds: 3_000))
        #expect(next == ["a": 2, "c": 0])
    }

    @Test("two totals of one moment make no rate") func oneMomentMakesNoRate() {
        var rates = CounterRates<String>()
        _ = rates.take(["a": 10], now: self.start)
        #expect(rates.take(["a": 20], now: self.start).isEmpty)
    }
}
