import DaemonSupport
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

@Suite("What a unit counts") struct UnitMetersTests {
    private func order(_ state: OrderState) -> Answer {
        .order(
            Order(
                id: OrderID(high: 0, low: 1), buyer: BuyerID("ann")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
                generation: Generation(1), state: state, stamp: .zero, deadline: .distantFuture))
    }

    @Test("a purchase is in the histogram of its outcome, and a refusal under its code")
    func purchasesAreCounted() {
        let telemetry = Telemetry()
        let meters = UnitMeters(telemetry)
        let (one, other) = (meters.tally(), meters.tally())
        one.observePurchase(self.order(.reserved), microseconds: 3_000)
        other.observePurchase(self.order(.reserved), microseconds: 7_000)
        one.observePurchase(.refused(.soldOut(requested: 1)), microseconds: 100)
        other.observeRefusal(.forged)
        let text = telemetry.text
        for line in [
            "tranche_purchase_duration_seconds_bucket{outcome=\"reserved\",le=\"0.005\"} 1",
            "tranche_purchase_duration_seconds_count{outcome=\"reserved\"} 2",
            "tranche_purchase_duration_seconds_sum{outcome=\"reserved\"} 0.01",
            "tranche_purchase_duration_seconds_count{outcome=\"refused\"} 2",
            "tranche_refusals_total{code=\"sold_out\"} 1", "tranche_refusals_total{code=\"bad_token\"} 1",
            "tranche_refusals_total{code=\"paused\"} 0",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
    }

    @Test("the center hears the sums of all threads: refusals by code, and orders by their time")
    func figuresAreSums() {
        let meters = UnitMeters(Telemetry())
        let (one, other) = (meters.tally(), meters.tally())
        one.observePurchase(self.order(.reserved), microseconds: 3_000)
        other.observePurchase(self.order(.contested), microseconds: 3_500)
        other.observePurchase(self.order(.reserved), microseconds: 20_000_000)
        one.observePurchase(.refused(.soldOut(requested: 1)), microseconds: 100)
        other.observeRefusal(.forged)
        one.observeRefusal(.forged)
        let figures = meters.figures
        #expect(figures.refused == ["sold_out": 1, "bad_token": 2])
        #expect(figures.ordered == 3 && figures.answered == 6 && figures.durations[3] == 2)
        #expect(figures.durations.last == 1)
        #expect(PurchaseFigures.bounds == Buckets.microseconds, "the center reads the buckets of the histograms")
    }

    @Test("a purchase whose buyer has gone has no duration, and its refusal is counted")
    func goneBuyersHaveNoDuration() {
        let telemetry = Telemetry()
        let tally = UnitMeters(telemetry).tally()
        tally.observePurchase(self.order(.reserved), microseconds: nil)
        tally.observePurchase(.refused(.recovering), microseconds: nil)
        let text = telemetry.text
        for line in [
            "tranche_purchase_duration_seconds_count{outcome=\"reserved\"} 0",
            "tranche_purchase_duration_seconds_count{outcome=\"refused\"} 0",
            "tranche_refusals_total{code=\"recovering\"} 1",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
    }

    @Test("a unit's fixed series leave room for the series of as many lots as have them")
    func fixedSeriesLeaveRoom() {
        let ofLots = 2 * Telemetry.labelsLimit
        #expect(UnitMeters.numbers.families.series + ofLots + 100 <= Telemetry.seriesLimit)
    }
}
